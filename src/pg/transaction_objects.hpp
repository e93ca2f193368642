// What the current transaction has made: tables and columns that hold nothing anyone else has ever seen.
//
// Promise: follows savepoints. An object made after a savepoint is forgotten when that is rolled back, since its
// number (a column's) may then come back as somebody else's.
#pragma once

#include "core/object.hpp"

namespace schema_guard::transaction_objects {

void created(const Address &object);
// True if the object, or the whole of which it is a column, was made by this transaction.
bool made_here(const Address &object);

// To be called as the events happen. `level` is the nesting level of the ending subtransaction.
void subtransaction_ended(int level, bool committed);
void transaction_ended();

} // namespace schema_guard::transaction_objects
