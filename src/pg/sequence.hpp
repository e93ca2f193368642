// Numbers from the guard's own sequences.
//
// Promise: the session's lastval() and currval() are left as they were, which nextval() would change: a statement that
// the guard records must not come between an INSERT and its lastval(). Waits a tenth of a second at most.
#pragma once

#include "pg/pg.hpp"

namespace schema_guard {

// The first of `count` numbers that nobody else gets; 0 if the sequence can't be had in time, or the transaction is
// read-only.
int64 allocate_numbers(Oid sequence, int count);

} // namespace schema_guard
