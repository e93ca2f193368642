// The one path: whatever a sensor saw comes here, is judged, and is let pass, warned of, rehearsed or refused.
//
// Promise: refuses by raising an error (SG001, SG002, SG003 or SG007) after the attempt has been written down. Returns
// only if the statement may go on; what it may then do is cleared for ring 2.
#pragma once

#include "audit/record.hpp"
#include "core/verdict.hpp"

namespace schema_guard {

struct Statement;

// What a sensor saw of a statement.
struct Sighting {
  const char *sensor;
  const char *command_tag;
  const char *statement; // null if unknown
  TimestampTz seen_at;
  const Statement *begun; // the statement that has been let start, if this is within one
  bool can_be_undone = true;
};

struct Passed {
  AuditRecord record; // complete but for the transaction and the duration
  bool recorded;
  Verdict verdict;
};

Passed guard(const Effects &effects, const Sighting &sighting, Arena &arena);

// The whole path for what comes upon a sensor in the middle of something: bound to the statement's text, if that says
// all that is going to happen, judged, and written down if it passes.
void guard_and_record(Effects &found, const Sighting &sighting, bool text_says_all, Arena &arena);

// Writes the row of a statement that has passed, in its transaction, or keeps it for the journal. Raises an error if
// neither is possible: what leaves no trace does not pass.
void write_record(AuditRecord record);

// The same for what has already failed: where no record can be kept, the server log has to do.
void write_failure_record(AuditRecord record);

} // namespace schema_guard
