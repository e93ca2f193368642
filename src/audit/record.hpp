// One event of the audit: what is written, whichever way it is written.
#pragma once

#include "core/verdict.hpp"
#include "pg/json.hpp"
#include "pg/pg.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "utils/uuid.h"
}

namespace schema_guard {

// All texts are null-terminated and outlive the record; null where there is nothing to say.
struct AuditRecord {
  pg_uuid_t event_id;
  TimestampTz occurred_at;
  const char *verdict;
  const char *rule;
  const char *command_tag;
  const char *statement;
  Jsonb *effects; // an array
  const char *session_role;
  const char *effective_role;
  const char *application_name;
  const char *client_address;
  int backend_pid;
  uint64 transaction_id; // 0 if none has been assigned
  int64 request_id;      // 0 if none
  int64 approval_id;     // 0 if none
  const char *sensor;
  int64 duration; // microseconds; -1 if unknown
};

// A record with who and when filled in, in the current memory context.
AuditRecord new_record();

// With all that it points to, in that context.
AuditRecord copy_record(MemoryContext context, const AuditRecord &record);

// Fills in what can only be known at the time of writing: the transaction's number and the duration.
void complete_record(AuditRecord &record);

// A request that the absorber is to file, or join, together with the record.
struct RequestFiling {
  const char *key;    // hexadecimal; see approval/request.hpp
  const char *source; // denial or rehearsal
  Oid requested_by;
  Oid authenticated_as;
};

// The record as one JSON object: what the journal holds. `filing` may be null.
char *record_json(const AuditRecord &record, const RequestFiling *filing);

// The same for the server log: of the effects only their number and the first objects.
char *log_json(const AuditRecord &record, const Effects &effects);

// The effects of a statement as an array, in the current memory context; null if there are none.
Jsonb *effects_json(const Effects &effects, const Verdict &verdict);

} // namespace schema_guard
