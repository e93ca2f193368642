// The background worker that absorbs the journal for a session whose own transaction is going to fail.
//
// Promise: one worker at a time in a database, and none that stays: it absorbs all there is and ends. Where there is no
// free slot nothing is lost; the journal waits.
#pragma once

#include "audit/journal.hpp"

namespace schema_guard {

// Has a worker absorb, and waits until it has come to `position`: half a second at most.
void absorb_and_wait(const JournalPosition &position);

// Starts a worker and does not wait for it. False if there is no free slot.
bool start_absorber();

} // namespace schema_guard
