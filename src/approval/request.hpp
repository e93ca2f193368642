// Requests: how a denial finds, or begins, the request that its HINT names.
#pragma once

#include "core/verdict.hpp"
#include "pg/pg.hpp"

namespace schema_guard {

// What makes two denials the same request: the role and the effects, however the statement was spelt. The SHA-256,
// in hexadecimal, of the session's role and of every effect that is not allowed.
char *request_key(const Effects &effects, const Verdict &verdict);

struct RequestNumber {
  int64 id;
  bool joined; // a pending request already asks for the same
};

// The pending request with this key, or a number for a new one. A number once given is never given again, even if
// this transaction fails or the server crashes. 0 if the numbers can't be had without waiting.
RequestNumber number_request(const char *key);

// Tells that the journal has a request with this number: until the absorber has come to it, no table knows.
void remember_filed(const char *key, int64 id);

} // namespace schema_guard
