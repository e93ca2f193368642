#include "pg/query.hpp"

#include "pg/extension.hpp"
#include "pg/memory.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
}

namespace schema_guard {

namespace {
constexpr int most_arguments = 24;
} // namespace

QueryArgument text_argument(std::string_view text) {
  return {TEXTOID, PointerGetDatum(cstring_to_text_with_len(text.data(), static_cast<int>(text.size())))};
}
QueryArgument null_text_argument() { return {TEXTOID, Datum{0}, true}; }
QueryArgument bigint_argument(int64 value) { return {INT8OID, Int64GetDatum(value)}; }
QueryArgument oid_argument(Oid value) { return {OIDOID, ObjectIdGetDatum(value)}; }

GuardQuery GuardQuery::open() {
  GuardQuery query;
  const GuardObjects *objects = guard_objects();
  if (objects == nullptr)
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("extension schema_guard is not installed in this database"));
  query.settings_level_ = NewGUCNestLevel();
  (void)set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
                          false);
  // Row security or a read-ahead hook must not hide the guard's rows from itself.
  (void)set_config_option("row_security", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
  // No wait without a bound, for what the callers have not made sure of.
  (void)set_config_option("lock_timeout", "1s", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
  GetUserIdAndSecContext(&query.user_, &query.security_context_);
  SetUserIdAndSecContext(objects->owner, query.security_context_ | SECURITY_LOCAL_USERID_CHANGE);
  query.was_at_work_ = guard_at_work();
  set_guard_at_work(true);
  if (SPI_connect() != SPI_OK_CONNECT)
    elog(ERROR, "schema_guard: SPI_connect failed");
  return query;
}

void GuardQuery::close() {
  SPI_finish();
  set_guard_at_work(was_at_work_);
  SetUserIdAndSecContext(user_, security_context_);
  AtEOXact_GUC(true, settings_level_);
}

namespace {

struct Arguments {
  explicit Arguments(std::initializer_list<QueryArgument> list) {
    for (const QueryArgument &argument : list) {
      if (count == most_arguments)
        elog(ERROR, "schema_guard: too many query arguments");
      types[count] = argument.type;
      values[count] = argument.value;
      nulls[count] = argument.null ? 'n' : ' ';
      ++count;
    }
    nulls[count] = '\0';
  }

  int count = 0;
  Oid types[most_arguments];
  Datum values[most_arguments];
  char nulls[most_arguments + 1];
};

SPIPlanPtr prepare(const char *sql, Arguments &arguments) {
  SPIPlanPtr plan = SPI_prepare(sql, arguments.count, arguments.types);
  if (plan == nullptr)
    elog(ERROR, "schema_guard: SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
  return plan;
}

uint64 run(SPIPlanPtr plan, Arguments &arguments) {
  Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  const int result =
      SPI_execute_snapshot(plan, arguments.values, arguments.nulls, snapshot, InvalidSnapshot, false, true, 0);
  UnregisterSnapshot(snapshot);
  if (result < 0)
    elog(ERROR, "schema_guard: query failed: %s", SPI_result_code_string(result));
  return SPI_processed;
}

} // namespace

uint64 GuardQuery::execute(const char *sql, std::initializer_list<QueryArgument> arguments) {
  Arguments list(arguments);
  return run(prepare(sql, list), list);
}

uint64 GuardQuery::execute(KeptStatement &statement, std::initializer_list<QueryArgument> arguments) {
  Arguments list(arguments);
  if (statement.plan == nullptr) {
    SPIPlanPtr plan = prepare(statement.sql, list);
    SPI_keepplan(plan);
    statement.plan = plan;
  }
  return run(statement.plan, list);
}

uint64 GuardQuery::rows() const { return SPI_tuptable == nullptr ? 0 : SPI_tuptable->numvals; }

Datum GuardQuery::value(uint64 row, int column) const {
  bool null = false;
  return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &null);
}

bool GuardQuery::is_null(uint64 row, int column) const {
  bool null = false;
  (void)SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &null);
  return null;
}

int64 GuardQuery::bigint(uint64 row, int column) const { return DatumGetInt64(value(row, column)); }

char *GuardQuery::text(uint64 row, int column, MemoryContext context) const {
  const char *text = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
  return text == nullptr ? nullptr : MemoryContextStrdup(context, text);
}

} // namespace schema_guard
