// From the journal into schema_guard.audit and schema_guard.request: each entry exactly once.
//
// Promise: rows and position commit together, so a crash at any point repeats nothing and loses nothing. No wait is
// without a bound. A denying session never depends on it: what is not absorbed now is absorbed at the next opportunity.
#pragma once

#include "audit/journal.hpp"

namespace schema_guard {

struct Absorption {
  int64 entries;       // absorbed now
  int64 damaged_bytes; // passed over now
  int64 damaged_at;    // -1 if none
  bool busy;           // somebody else is absorbing, or a table is locked; nothing was done
  bool complete;       // nothing is left
};

// Absorbs up to `most` entries within the current transaction. An entry that the tables refuse is reported and passed
// over; any other error is raised.
Absorption absorb(int most);

// The position as last committed. False if its table can't be had at once.
bool read_position(JournalPosition &position);

// True once everything up to `position` is in the tables, by whomever.
bool absorbed_to(const JournalPosition &position);

// Begins the journal anew if all of it is absorbed and it has grown large. In a transaction of its own.
void rotate_absorbed_journal();

// True if the journal may hold something that is not absorbed. Looks ten times a second at most, with one
// stat().
bool backlog_suspected();

} // namespace schema_guard
