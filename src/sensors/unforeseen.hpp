// An effect of the statement under way that ring 2 sees, and that nobody foresaw when the statement was judged: names
// may stand for something else by the time that PostgreSQL looks them up.
#pragma once

#include "core/command.hpp"
#include "core/object.hpp"
#include "pg/pg.hpp"

namespace schema_guard {

struct Statement;

// Judges it: returns only if it may happen. `tag` is what the record says if no statement is known to be under way.
void judge_unforeseen(const Address &object, Deed deed, const char *tag);

// At the statement's end: judges what it has altered of the guard's own, if none of that was foreseen.
void judge_unforeseen_tampering(const Statement &statement);

} // namespace schema_guard
