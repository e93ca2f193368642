#include "audit/absorber.hpp"

#include "pg/extension.hpp"
#include "pg/query.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
}

namespace schema_guard {

namespace {

int64 absorbed_length = 0;

constexpr const char *insert_audit = R"(
INSERT INTO schema_guard.audit
       (event_id, occurred_at, verdict, rule, command_tag, statement, effects, session_role, effective_role,
        application_name, client_address, backend_pid, transaction_id, request_id, approval_id, sensor, duration)
SELECT event_id, occurred_at, verdict, rule, command_tag, statement, effects, session_role, effective_role,
       application_name, client_address, backend_pid, transaction_id, request_id, approval_id, sensor, duration
  FROM pg_catalog.jsonb_to_record($1)
    AS entry (event_id uuid, occurred_at timestamptz, verdict text, rule text, command_tag text, statement text,
              effects jsonb, session_role text, effective_role text, application_name text, client_address inet,
              backend_pid integer, transaction_id xid8, request_id bigint, approval_id bigint, sensor text,
              duration interval)
RETURNING request_id)";

// A repeat joins the pending request. One that an approver has in hand just now is left alone, not waited for.
constexpr const char *join_request = R"(
UPDATE schema_guard.request AS r
   SET attempts = r.attempts + 1, last_attempt_at = greatest(r.last_attempt_at, ($1 ->> 'occurred_at')::timestamptz)
 WHERE r.id = (SELECT p.id FROM schema_guard.request AS p
                WHERE p.request_key = $1 ->> 'request_key' AND p.status = 'pending'
                ORDER BY p.id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING r.id)";

// Two sessions that were denied the same at the same moment have two numbers for it: the later one points to the other.
constexpr const char *file_request = R"(
INSERT INTO schema_guard.request
       (id, status, joined_to, request_key, source, requested_by, authenticated_as, requester, statement, command_tag,
        effects, application_name, client_address, created_at, last_attempt_at, attempts)
SELECT e.request_id, CASE WHEN $2 IS NULL THEN 'pending' ELSE 'joined' END, $2, e.request_key, e.request_source,
       e.requested_by, e.authenticated_as, e.session_role, e.statement, e.command_tag, e.effects, e.application_name,
       e.client_address, e.occurred_at, e.occurred_at, 1
  FROM pg_catalog.jsonb_to_record($1)
    AS e (request_id bigint, request_key text, request_source text, requested_by oid, authenticated_as oid,
          session_role text, statement text, command_tag text, effects jsonb, application_name text,
          client_address inet, occurred_at timestamptz)
    ON CONFLICT (id) DO NOTHING)";

void absorb_entry(GuardQuery &query, const JournalEntry &entry) {
  const Datum payload = DirectFunctionCall1(jsonb_in, CStringGetDatum(entry.payload));
  const QueryArgument argument{JSONBOID, payload};
  query.execute(insert_audit, {argument});
  if (query.rows() == 0 || query.is_null(0, 1))
    return;
  const int64 request = query.bigint(0, 1);
  query.execute(join_request, {argument});
  const bool joined = query.rows() > 0;
  const int64 other = joined ? query.bigint(0, 1) : 0;
  if (joined && other == request)
    return;
  // No row means that the number is filed already, and decided meanwhile.
  query.execute(file_request, {argument, {INT8OID, Int64GetDatum(other), !joined}});
}

// Passes over an entry that can't be stored, but never over one whose failure may be gone next time.
void absorb_entry_carefully(GuardQuery &query, const JournalEntry &entry) {
  MemoryContext context = CurrentMemoryContext;
  ResourceOwner owner = CurrentResourceOwner;
  BeginInternalSubTransaction(nullptr);
  PG_TRY();
  {
    absorb_entry(query, entry);
    ReleaseCurrentSubTransaction();
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(context);
    ErrorData *error = CopyErrorData();
    const int category = ERRCODE_TO_CATEGORY(error->sqlerrcode);
    if (category != ERRCODE_DATA_EXCEPTION && category != ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION)
      PG_RE_THROW();
    FlushErrorState();
    RollbackAndReleaseCurrentSubTransaction();
    ereport(WARNING, errcode(ERRCODE_DATA_CORRUPTED),
            errmsg("schema_guard journal entry at byte " INT64_FORMAT " could not be absorbed: %s", entry.offset,
                   error->message),
            errdetail_log("%s", entry.payload));
  }
  PG_END_TRY();
  MemoryContextSwitchTo(context);
  CurrentResourceOwner = owner;
}

constexpr const char *find_known = R"(
SELECT e.ordinality FROM pg_catalog.unnest($1) WITH ORDINALITY AS e (payload, ordinality)
 WHERE EXISTS (SELECT FROM schema_guard.audit AS a WHERE a.event_id = (e.payload ->> 'event_id')::uuid))";

// Of entries that are read again, those that the audit has already. One query for all: event_id has no index, which
// would cost every statement something for the sake of a damaged journal.
void drop_known(GuardQuery &query, JournalChunk &chunk) {
  auto *payloads = static_cast<Datum *>(palloc(sizeof(Datum) * Max(chunk.count, 1)));
  for (int place = 0; place < chunk.count; ++place)
    payloads[place] = DirectFunctionCall1(jsonb_in, CStringGetDatum(chunk.entries[place].payload));
  ArrayType *array = construct_array(payloads, chunk.count, JSONBOID, -1, false, TYPALIGN_INT);
  query.execute(find_known, {{JSONBARRAYOID, PointerGetDatum(array)}});
  for (uint64 row = 0; row < query.rows(); ++row)
    chunk.entries[query.bigint(row, 1) - 1].payload = nullptr;
  int kept = 0;
  for (int place = 0; place < chunk.count; ++place)
    if (chunk.entries[place].payload != nullptr)
      chunk.entries[kept++] = chunk.entries[place];
  chunk.count = kept;
}

} // namespace

// Read without the cost of a query, since sessions poll it.
bool read_position(JournalPosition &position) {
  const GuardObjects *objects = guard_objects();
  if (objects == nullptr || !ConditionalLockRelationOid(objects->journal_position, AccessShareLock))
    return false;
  Relation table = try_table_open(objects->journal_position, NoLock);
  if (table == nullptr)
    return false;
  Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  SysScanDesc scan = systable_beginscan(table, InvalidOid, false, snapshot, 0, nullptr);
  HeapTuple tuple = systable_getnext(scan);
  bool found = false;
  if (HeapTupleIsValid(tuple)) {
    bool no_journal = false;
    bool no_offset = false;
    const Datum journal = heap_getattr(tuple, 1, RelationGetDescr(table), &no_journal);
    const Datum offset = heap_getattr(tuple, 2, RelationGetDescr(table), &no_offset);
    found = !no_journal && !no_offset;
    if (found)
      position = {*DatumGetUUIDP(journal), DatumGetInt64(offset)};
  }
  systable_endscan(scan);
  UnregisterSnapshot(snapshot);
  table_close(table, AccessShareLock);
  return found;
}

bool absorbed_to(const JournalPosition &wanted) {
  JournalPosition position;
  if (!read_position(position))
    return false;
  return memcmp(&position.journal, &wanted.journal, sizeof(pg_uuid_t)) == 0 && position.offset >= wanted.offset;
}

namespace {

void write_position(GuardQuery &query, const JournalPosition &position) {
  query.execute("UPDATE schema_guard.journal_position SET journal_id = $1, byte_offset = $2",
                {{UUIDOID, UUIDPGetDatum(&position.journal)}, bigint_argument(position.offset)});
}

} // namespace

Absorption absorb(int most, bool careful) {
  Absorption result{.entries = 0, .damaged_bytes = 0, .damaged_at = -1, .busy = true, .complete = false};
  const GuardObjects *objects = guard_objects();
  // Self-exclusive, and in nobody's way: readers of the position go on.
  if (objects == nullptr || !ConditionalLockRelationOid(objects->journal_position, ShareUpdateExclusiveLock))
    return result;
  for (const Oid written : {objects->audit, objects->audit_sequence, objects->request})
    if (!ConditionalLockRelationOid(written, RowExclusiveLock))
      return result;
  JournalPosition position;
  if (!read_position(position))
    return result;
  result.busy = false;

  JournalChunk chunk = journal_read(position, most);
  GuardQuery query = GuardQuery::open();
  if (chunk.reread)
    drop_known(query, chunk);
  for (int place = 0; place < chunk.count; ++place) {
    if (careful)
      absorb_entry_carefully(query, chunk.entries[place]);
    else
      absorb_entry(query, chunk.entries[place]);
  }
  if (memcmp(&chunk.end, &position, sizeof(position)) != 0)
    write_position(query, chunk.end);
  query.close();

  result.entries = chunk.count;
  result.damaged_bytes = chunk.damaged_bytes;
  result.damaged_at = chunk.damaged_at;
  result.complete = chunk.at_end;
  if (chunk.at_end)
    absorbed_length = chunk.file_length;
  return result;
}

void rotate_absorbed_journal() {
  const GuardObjects *objects = guard_objects();
  JournalPosition position;
  if (objects == nullptr || !ConditionalLockRelationOid(objects->journal_position, ShareUpdateExclusiveLock) ||
      !read_position(position) || !journal_rotate(position))
    return;
  GuardQuery query = GuardQuery::open();
  write_position(query, position);
  query.close();
}

bool backlog_suspected() {
  const int64 length = journal_length();
  if (length == absorbed_length)
    return false;
  JournalPosition position;
  if (length == 0 || (read_position(position) && position.offset == length)) {
    absorbed_length = length;
    return false;
  }
  return true;
}

} // namespace schema_guard
