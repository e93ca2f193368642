// An effect of the statement under way that ring 2 sees, and that nobody foresaw when the statement was judged.
#pragma once

#include "core/command.hpp"
#include "core/object.hpp"
#include "pg/pg.hpp"

namespace schema_guard {

// Judges it: returns only if it may happen. `tag` is what the record says if no statement is known to be under way.
void judge_unforeseen(const Address &object, Deed deed, const char *tag);

} // namespace schema_guard
