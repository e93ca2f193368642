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

#include <iterator>

namespace schema_guard {

namespace {

// The columns of schema_guard.audit (src/audit/audit.sql).
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

struct ColumnShape {
  const char *name;
  Oid type;
};

// In the order of Column.
constexpr ColumnShape shapes[] = {{"id", INT8OID},
                                  {"event_id", UUIDOID},
                                  {"occurred_at", TIMESTAMPTZOID},
                                  {"verdict", TEXTOID},
                                  {"rule", TEXTOID},
                                  {"command_tag", TEXTOID},
                                  {"statement", TEXTOID},
                                  {"effects", JSONBOID},
                                  {"session_role", TEXTOID},
                                  {"effective_role", TEXTOID},
                                  {"application_name", TEXTOID},
                                  {"client_address", INETOID},
                                  {"backend_pid", INT4OID},
                                  {"transaction_id", XID8OID},
                                  {"request_id", INT8OID},
                                  {"approval_id", INT8OID},
                                  {"sensor", TEXTOID},
                                  {"duration", INTERVALOID}};
static_assert(std::size(shapes) == column_count);

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

// Where each column is, by its place in the table; false if one is missing or of another type, or if there is another
// that wants a value. Columns that have been dropped, or added for somebody's own use, do no harm.
bool find_columns(TupleDesc descriptor, int (&places)[column_count]) {
  for (int &place : places)
    place = -1;
  int found = 0;
  for (int place = 0; place < descriptor->natts; ++place) {
    const FormData_pg_attribute *attribute = TupleDescAttr(descriptor, place);
    if (attribute->attisdropped)
      continue;
    // Where nobody has changed anything, the first look is right.
    int column = Min(place, column_count - 1);
    if (strcmp(NameStr(attribute->attname), shapes[column].name) != 0)
      for (column = 0; column < column_count && strcmp(NameStr(attribute->attname), shapes[column].name) != 0;)
        ++column;
    if (column == column_count && attribute->attnotnull)
      return false;
    if (column == column_count)
      continue;
    if (attribute->atttypid != shapes[column].type)
      return false;
    places[column] = place;
    ++found;
  }
  return found == column_count && (descriptor->constr == nullptr || descriptor->constr->num_check == 0);
}

HeapTuple form_tuple(TupleDesc descriptor, const Row &row, const int (&places)[column_count]) {
  auto *values = static_cast<Datum *>(palloc0(sizeof(Datum) * descriptor->natts));
  auto *nulls = static_cast<bool *>(palloc(sizeof(bool) * descriptor->natts));
  for (int place = 0; place < descriptor->natts; ++place)
    nulls[place] = true;
  for (int column = 0; column < column_count; ++column) {
    values[places[column]] = row.values[column];
    nulls[places[column]] = row.nulls[column];
  }
  return heap_form_tuple(descriptor, values, nulls);
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
  const GuardObjects *objects = whole_guard();
  if (objects == nullptr || !ConditionalLockRelationOid(objects->audit, RowExclusiveLock) ||
      !ConditionalLockRelationOid(objects->audit_sequence, RowExclusiveLock))
    return false;
  Relation audit = try_table_open(objects->audit, NoLock);
  if (audit == nullptr)
    return false;
  CatalogIndexState indexes = CatalogOpenIndexes(audit);
  int places[column_count];
  const bool simple = find_columns(RelationGetDescr(audit), places) && are_plain(*indexes);
  const int64 number = simple ? allocate_numbers(objects->audit_sequence, 1) : 0;
  if (number != 0) {
    Row row;
    fill(row, record, number);
    HeapTuple tuple = form_tuple(RelationGetDescr(audit), row, places);
    // Each database has an audit of its own: to a subscriber, or to whoever decodes the log, this row is noise.
    if (indexes->ri_NumIndices == 0)
      heap_insert(audit, tuple, GetCurrentCommandId(true), HEAP_INSERT_NO_LOGICAL, nullptr);
    else
      CatalogTupleInsertWithInfo(audit, tuple, indexes);
    heap_freetuple(tuple);
  }
  CatalogCloseIndexes(indexes);
  table_close(audit, NoLock);
  return number != 0;
}

bool audit_table_fits() {
  const GuardObjects *objects = whole_guard();
  if (objects == nullptr || !ConditionalLockRelationOid(objects->audit, AccessShareLock))
    return false;
  Relation audit = try_table_open(objects->audit, NoLock);
  if (audit == nullptr)
    return false;
  int places[column_count];
  const bool fits = find_columns(RelationGetDescr(audit), places);
  table_close(audit, NoLock);
  return fits;
}

} // namespace schema_guard
