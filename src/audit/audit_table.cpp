#include "audit/audit_table.hpp"

#include "pg/extension.hpp"
#include "pg/sequence.hpp"

extern "C" {
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_type.h"
#include "nodes/execnodes.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/rel.h"
}

namespace schema_guard {

namespace {

// The columns of schema_guard.audit, in their order (src/audit/audit.sql).
enum Column : int {
  id,
  event_id,
  occurred_at,
  verdict,
  rule_name,
  command_tag,
  statement,
  effects,
  session_role,
  effective_role,
  application_name,
  client_address,
  backend_pid,
  transaction_id,
  request_id,
  approval_id,
  sensor,
  duration,
  column_count
};

struct Row {
  Datum values[column_count];
  bool nulls[column_count];

  void set(Column column, Datum value) {
    values[column] = value;
    nulls[column] = false;
  }
  void set_text(Column column, const char *text) {
    if (text != nullptr)
      set(column, CStringGetTextDatum(text));
  }
};

Datum interval_of(int64 microseconds) {
  auto *interval = static_cast<Interval *>(palloc0(sizeof(Interval)));
  interval->time = microseconds;
  return IntervalPGetDatum(interval);
}

void fill(Row &row, const AuditRecord &record, int64 number) {
  for (bool &null : row.nulls)
    null = true;
  row.set(id, Int64GetDatum(number));
  row.set(event_id, UUIDPGetDatum(&record.event_id));
  row.set(occurred_at, TimestampTzGetDatum(record.occurred_at));
  row.set_text(verdict, record.verdict);
  row.set_text(rule_name, record.rule);
  row.set_text(command_tag, record.command_tag);
  row.set_text(statement, record.statement);
  if (record.effects != nullptr)
    row.set(effects, JsonbPGetDatum(record.effects));
  row.set_text(session_role, record.session_role);
  row.set_text(effective_role, record.effective_role);
  row.set_text(application_name, record.application_name);
  if (record.client_address != nullptr)
    row.set(client_address, DirectFunctionCall1(inet_in, CStringGetDatum(record.client_address)));
  row.set(backend_pid, Int32GetDatum(record.backend_pid));
  if (record.transaction_id != 0)
    row.set(transaction_id, UInt64GetDatum(record.transaction_id));
  if (record.request_id != 0)
    row.set(request_id, Int64GetDatum(record.request_id));
  if (record.approval_id != 0)
    row.set(approval_id, Int64GetDatum(record.approval_id));
  row.set_text(sensor, record.sensor);
  if (record.duration >= 0)
    row.set(duration, interval_of(record.duration));
}

// The columns' types, in the same order.
constexpr Oid column_types[column_count] = {INT8OID, UUIDOID,  TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID,
                                            TEXTOID, JSONBOID, TEXTOID,        TEXTOID, TEXTOID, INETOID,
                                            INT4OID, XID8OID,  INT8OID,        INT8OID, TEXTOID, INTERVALOID};

// A dropped column is still counted, and would still take a value.
bool has_own_columns(Relation audit) {
  TupleDesc descriptor = RelationGetDescr(audit);
  if (descriptor->natts != column_count)
    return false;
  for (int place = 0; place < column_count; ++place) {
    const FormData_pg_attribute *attribute = TupleDescAttr(descriptor, place);
    if (attribute->attisdropped || attribute->atttypid != column_types[place])
      return false;
  }
  return true;
}

// This way of inserting is made for catalogs: it knows neither expressions nor predicates. An index that somebody has
// added may have them; its rows come over the journal then.
bool are_plain(const ResultRelInfo &indexes) {
  for (int place = 0; place < indexes.ri_NumIndices; ++place) {
    const IndexInfo &index = *indexes.ri_IndexRelationInfo[place];
    if (index.ii_Expressions != NIL || index.ii_Predicate != NIL || index.ii_ExclusionOps != nullptr)
      return false;
  }
  return true;
}

} // namespace

bool insert_record(const AuditRecord &record) {
  const GuardObjects *objects = guard_objects();
  if (objects == nullptr || !ConditionalLockRelationOid(objects->audit, RowExclusiveLock) ||
      !ConditionalLockRelationOid(objects->audit_sequence, RowExclusiveLock))
    return false;
  Relation audit = try_table_open(objects->audit, NoLock);
  if (audit == nullptr)
    return false;
  CatalogIndexState indexes = CatalogOpenIndexes(audit);
  const bool simple = has_own_columns(audit) && are_plain(*indexes);
  if (simple) {
    Row row;
    fill(row, record, allocate_numbers(objects->audit_sequence, 1));
    HeapTuple tuple = heap_form_tuple(RelationGetDescr(audit), row.values, row.nulls);
    // Each database has an audit of its own: to a subscriber, or to whoever decodes the log, this row is noise.
    if (indexes->ri_NumIndices == 0)
      heap_insert(audit, tuple, GetCurrentCommandId(true), HEAP_INSERT_NO_LOGICAL, nullptr);
    else
      CatalogTupleInsertWithInfo(audit, tuple, indexes);
    heap_freetuple(tuple);
  }
  CatalogCloseIndexes(indexes);
  table_close(audit, NoLock);
  return simple;
}

bool audit_table_fits() {
  const GuardObjects *objects = guard_objects();
  if (objects == nullptr || !ConditionalLockRelationOid(objects->audit, AccessShareLock))
    return false;
  Relation audit = try_table_open(objects->audit, NoLock);
  if (audit == nullptr)
    return false;
  const bool fits = has_own_columns(audit);
  table_close(audit, NoLock);
  return fits;
}

} // namespace schema_guard
