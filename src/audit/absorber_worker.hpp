// The background worker that absorbs the journal for a session whose own transaction is going to fail.
//
// Promise: one worker at a time in a database. It absorbs all there is, stays for half a second in case there is more,
// and ends. Where there is no free slot nothing is lost; the journal waits.
#pragma once

#include "audit/journal.hpp"

// Named by postmaster/bgworker.h, which the users of this header need not know.
struct BackgroundWorkerHandle;

namespace schema_guard {

// A session's turn with the worker. The worker can be started before there is anything to absorb: it takes longer to
// come up than the entry to reach the disk.
struct AbsorberTurn {
  bool starting;                    // this session starts workers, the others wait for them
  ::BackgroundWorkerHandle *worker; // null if it has not started one
};

AbsorberTurn begin_absorption();

// Waits until everything up to `position` is in the tables, half a second at most, and ends the turn. Starts a worker
// if the first one was too early, or another session's has not come that far. Returns at once where none can be had.
void await_absorption(AbsorberTurn turn, const JournalPosition &position);

// Ends a turn without waiting.
void cancel_absorption(AbsorberTurn turn);

// Starts a worker and does not wait for it. False if there is no free slot.
bool start_absorber();

// Starts one if this session has waited for an absorption in vain, because its own transaction was in the way perhaps.
// For the end of that transaction.
void retry_absorption();

} // namespace schema_guard
