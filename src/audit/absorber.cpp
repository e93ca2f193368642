#include "audit/absorber.hpp"

#include "pg/extension.hpp"
#include "pg/query.hpp"
#include "pg/sequence.hpp"

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

int64 absorbed_length = 0; // of the journal, when this session last saw all of it absorbed
TimestampTz looked_at = 0;

// The columns of schema_guard.journal_position (src/audit/audit.sql).
constexpr int journal_column = 2;
constexpr int offset_column = 3;

// A whole batch at once: the entries become audit rows in their order, repeats of a pending request are added up and
// join it, and the rest is filed. A pending request that an approver has in hand just now is left alone, not waited
// for. Two sessions that were denied the same at the same moment have two numbers for it: the later points to the
// earlier. $2 is true if some of the entries may be in the audit already; event_id has no index, which would cost every
// statement something for the sake of a damaged journal.
KeptStatement absorb_batch{R"(
WITH entry AS MATERIALIZED (
    SELECT p.place, e.*
      FROM pg_catalog.unnest($1) WITH ORDINALITY AS p (payload, place),
           pg_catalog.jsonb_to_record(p.payload)
        AS e (event_id uuid, occurred_at timestamptz, verdict text, rule text, command_tag text, statement text,
              effects jsonb, session_role text, effective_role text, application_name text, client_address inet,
              backend_pid integer, transaction_id xid8, request_id bigint, approval_id bigint, sensor text,
              duration interval, request_key text, request_source text, requested_by oid, authenticated_as oid)
     WHERE NOT $2 OR NOT EXISTS (SELECT FROM ONLY schema_guard.audit AS a WHERE a.event_id = e.event_id)),
audited AS (
    INSERT INTO schema_guard.audit
           (id, event_id, occurred_at, verdict, rule, command_tag, statement, effects, session_role, effective_role,
            application_name, client_address, backend_pid, transaction_id, request_id, approval_id, sensor, duration)
           OVERRIDING SYSTEM VALUE
    SELECT $3 + place, event_id, occurred_at, verdict, rule, command_tag, statement, effects, session_role, effective_role,
           application_name, client_address, backend_pid, transaction_id, request_id, approval_id, sensor, duration
      FROM entry ORDER BY place
 RETURNING id),
asked AS (
    SELECT request_key, pg_catalog.count(*) AS attempts, pg_catalog.max(occurred_at) AS last_attempt_at,
           pg_catalog.min(request_id) AS first_id
      FROM entry WHERE request_key IS NOT NULL AND request_id IS NOT NULL GROUP BY request_key),
joined AS (
    UPDATE ONLY schema_guard.request AS r
       SET attempts = r.attempts + asked.attempts,
           last_attempt_at = greatest(r.last_attempt_at, asked.last_attempt_at)
      FROM asked
     WHERE r.id = (SELECT p.id FROM ONLY schema_guard.request AS p
                    WHERE p.request_key = asked.request_key AND p.status = 'pending'
                    ORDER BY p.id LIMIT 1 FOR UPDATE SKIP LOCKED)
 RETURNING r.id, r.request_key),
filed AS (
INSERT INTO schema_guard.request
       (id, status, joined_to, request_key, source, requested_by, authenticated_as, requester, statement, command_tag,
        effects, application_name, client_address, created_at, last_attempt_at, attempts)
SELECT DISTINCT ON (e.request_id)
       e.request_id, CASE WHEN e.request_id = m.id THEN 'pending' ELSE 'joined' END,
       nullif(m.id, e.request_id), e.request_key, e.request_source, e.requested_by, e.authenticated_as, e.session_role,
       e.statement, e.command_tag, e.effects, e.application_name, e.client_address, e.occurred_at, asked.last_attempt_at,
       CASE WHEN e.request_id = m.id THEN asked.attempts ELSE 0 END
  FROM entry AS e
  JOIN asked USING (request_key)
  LEFT JOIN joined USING (request_key)
 CROSS JOIN LATERAL (SELECT coalesce(joined.id, asked.first_id) AS id) AS m
 WHERE e.request_id IS NOT NULL AND e.request_id IS DISTINCT FROM joined.id
 ORDER BY e.request_id, e.place
    ON CONFLICT (id) DO NOTHING)
SELECT pg_catalog.count(*) FROM audited)"};

// Returns the number of rows that the audit has gained.
int64 store(const JournalEntry *entries, int count, bool reread) {
  auto *payloads = static_cast<Datum *>(palloc(sizeof(Datum) * count));
  for (int place = 0; place < count; ++place)
    payloads[place] = DirectFunctionCall1(jsonb_in, CStringGetDatum(entries[place].payload));
  ArrayType *array = construct_array(payloads, count, JSONBOID, -1, false, TYPALIGN_INT);
  const int64 first = allocate_numbers(guard_objects()->audit_sequence, count);
  if (first == 0)
    ereport(ERROR, errcode(ERRCODE_LOCK_NOT_AVAILABLE), errmsg("could not lock a sequence of schema_guard"));
  const int64 before_first = first - 1;
  GuardQuery query = GuardQuery::open();
  query.execute(
      absorb_batch,
      {{JSONBARRAYOID, PointerGetDatum(array)}, {BOOLOID, BoolGetDatum(reread)}, bigint_argument(before_first)});
  const int64 stored = query.bigint(0, 1);
  query.close();
  return stored;
}

// A value that the tables' types can't take. What a constraint says that somebody has put on the audit is not: the
// entry waits until it is gone.
bool is_the_entrys_fault(const ErrorData &error) {
  const int category = ERRCODE_TO_CATEGORY(error.sqlerrcode);
  return category == ERRCODE_DATA_EXCEPTION ||
         (category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION &&
          (error.table_name == nullptr || strcmp(error.table_name, "audit") != 0));
}

// In a subtransaction, so that what can't be stored undoes nothing else. Null if all is stored; otherwise what was
// wrong with an entry. Anything that may be gone the next time is raised again.
const char *try_to_store(const JournalEntry *entries, int count, bool reread, int64 *stored) {
  MemoryContext context = CurrentMemoryContext;
  ResourceOwner owner = CurrentResourceOwner;
  const char *volatile problem = nullptr;
  BeginInternalSubTransaction(nullptr);
  PG_TRY();
  {
    *stored += store(entries, count, reread);
    ReleaseCurrentSubTransaction();
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(context);
    ErrorData *error = CopyErrorData();
    FlushErrorState();
    RollbackAndReleaseCurrentSubTransaction();
    MemoryContextSwitchTo(context);
    CurrentResourceOwner = owner;
    if (!is_the_entrys_fault(*error))
      ReThrowError(error);
    problem = error->message;
  }
  PG_END_TRY();
  MemoryContextSwitchTo(context);
  CurrentResourceOwner = owner;
  return problem;
}

// All at once; one by one only if something among them can't be stored, which is then reported and passed over. Returns
// the number of rows that the audit has gained.
int64 store_entries(const JournalChunk &chunk) {
  int64 stored = 0;
  if (chunk.count == 0 || try_to_store(chunk.entries, chunk.count, chunk.reread, &stored) == nullptr)
    return stored;
  for (int place = 0; place < chunk.count; ++place) {
    const JournalEntry &entry = chunk.entries[place];
    if (const char *problem = try_to_store(&entry, 1, chunk.reread, &stored); problem != nullptr)
      ereport(WARNING, errcode(ERRCODE_DATA_CORRUPTED),
              errmsg("schema_guard journal entry at byte " INT64_FORMAT " could not be absorbed: %s", entry.offset,
                     problem),
              errdetail_log("%s", entry.payload));
  }
  return stored;
}

} // namespace

// Read without the cost of a query, since sessions poll it.
bool read_position(JournalPosition &position) {
  const GuardObjects *objects = whole_guard();
  if (objects == nullptr || !ConditionalLockRelationOid(objects->journal_position, AccessShareLock))
    return false;
  Relation table = try_table_open(objects->journal_position, NoLock);
  if (table == nullptr)
    return false;
  Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  SysScanDesc scan = systable_beginscan(table, InvalidOid, false, snapshot, 0, nullptr);
  HeapTuple tuple = systable_getnext(scan);
  // No row yet: nothing has been absorbed.
  bool found = !HeapTupleIsValid(tuple);
  position = {};
  if (HeapTupleIsValid(tuple)) {
    bool no_journal = false;
    bool no_offset = false;
    const Datum journal = heap_getattr(tuple, journal_column, RelationGetDescr(table), &no_journal);
    const Datum offset = heap_getattr(tuple, offset_column, RelationGetDescr(table), &no_offset);
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

KeptStatement update_position{"UPDATE ONLY schema_guard.journal_position SET journal_id = $1, byte_offset = $2"};
KeptStatement insert_position{"INSERT INTO schema_guard.journal_position (journal_id, byte_offset) VALUES ($1, $2)"};

void write_position(const JournalPosition &position) {
  GuardQuery query = GuardQuery::open();
  const QueryArgument journal{UUIDOID, UUIDPGetDatum(&position.journal)};
  if (query.execute(update_position, {journal, bigint_argument(position.offset)}) == 0)
    query.execute(insert_position, {journal, bigint_argument(position.offset)});
  query.close();
}

} // namespace

Absorption absorb(int most) {
  Absorption result{.entries = 0, .damaged_bytes = 0, .damaged_at = -1, .busy = true, .complete = false};
  const GuardObjects *objects = whole_guard();
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

  const JournalChunk chunk = journal_read(position, most);
  const int64 stored = store_entries(chunk);
  if (memcmp(&chunk.end, &position, sizeof(position)) != 0)
    write_position(chunk.end);

  result.entries = stored;
  result.damaged_bytes = chunk.damaged_bytes;
  result.damaged_at = chunk.damaged_at;
  result.complete = chunk.at_end;
  if (chunk.at_end)
    absorbed_length = chunk.file_length;
  return result;
}

void rotate_absorbed_journal() {
  const GuardObjects *objects = whole_guard();
  JournalPosition position;
  if (objects == nullptr || !ConditionalLockRelationOid(objects->journal_position, ShareUpdateExclusiveLock) ||
      !read_position(position) || !journal_rotate(position))
    return;
  write_position(position);
}

bool backlog_suspected() {
  // A tenth of a second is soon enough, unless this session has just added to it.
  const TimestampTz now = GetCurrentTimestamp();
  if (!journal_written_here() && !TimestampDifferenceExceeds(looked_at, now, 100))
    return false;
  looked_at = now;
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
