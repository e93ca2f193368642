// Statements whose text must not be kept.
#pragma once

#include "pg/pg.hpp"

namespace schema_guard {

// No more of a statement's text than this is kept.
constexpr int longest_statement = 1024 * 1024;

// How what is kept instead of such a text begins.
constexpr const char *redaction_mark = "(redacted";

constexpr const char *redacted_text = "(redacted: the statement can hold a secret)";

// True if rows of this system catalog can hold a password or another secret.
bool may_hold_secret(Oid catalog);

// True if the statement's text can hold a password or another secret.
bool may_hold_secret(const Node *statement);

} // namespace schema_guard
