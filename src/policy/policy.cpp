// The SQL side of rules and policy.
#include "core/rule.hpp"
#include "pg/arguments.hpp"
#include "pg/extension.hpp"
#include "pg/memory.hpp"
#include "pg/query.hpp"

extern "C" {
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(schema_guard_rules);
PG_FUNCTION_INFO_V1(schema_guard_set_policy);
}

namespace schema_guard {

namespace {

constexpr const char *ending_action = "default";

RuleId checked_rule(const char *name) {
  if (const std::optional<RuleId> found = find_rule(name); found)
    return *found;
  StringInfoData names;
  initStringInfo(&names);
  for (const Rule &row : rules())
    appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", c_string(row.name));
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("rule \"%s\" does not exist", name),
          errhint("The rules are: %s.", names.data));
  pg_unreachable();
}

void check_action(const char *name) {
  if (!find_action(name) && strcmp(name, ending_action) != 0)
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("action \"%s\" does not exist", name),
            errhint("The actions are: block, warn, record, allow; default ends a policy."));
}

// Whatever loosened this would also loosen what says so.
void check_loosening(const char *rule, const char *action) {
  const std::optional<Action> found = find_action(action);
  if (find_rule(rule) == RuleId::guard_tampering && found && *found != Action::block)
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("rule \"%s\" cannot be loosened by a policy", rule),
            errhint("It takes an approval for each change, or a superuser with schema_guard.mode = off."));
}

// A pattern that could never match anything is a mistake.
void check_pattern(const char *rule, const char *pattern) {
  const bool is_in_schema = find_rule(rule) != RuleId::drop_database;
  if (is_in_schema && strchr(pattern, '.') == nullptr && strchr(pattern, '%') == nullptr)
    ereport(
        ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("object pattern \"%s\" matches nothing", pattern),
        errhint("A pattern is matched with schema.table, as LIKE does it: scratch.%%, public.events\\_2024%%, %%."));
  const size_t length = strlen(pattern);
  size_t escapes = 0;
  while (escapes < length && pattern[length - 1 - escapes] == '\\')
    ++escapes;
  if (escapes % 2 == 1)
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("object pattern \"%s\" must not end with an escape character", pattern),
            errhint("A pattern is matched with schema.table, as LIKE does it."));
}

uint64 end_policy(GuardQuery &query, const char *rule, const char *pattern, const QueryArgument &role, const char *by,
                  const char *reason) {
  return query.execute(R"(
UPDATE ONLY schema_guard.standing_policy SET ended_by = $4, ended_at = pg_catalog.clock_timestamp(), end_reason = $5
 WHERE rule = $1 AND object_pattern = $2 AND role IS NOT DISTINCT FROM $3 AND ended_at IS NULL)",
                       {text_argument(rule), text_argument(pattern), role, text_argument(by), text_argument(reason)});
}

} // namespace

} // namespace schema_guard

Datum schema_guard_rules(PG_FUNCTION_ARGS) {
  using namespace schema_guard;
  InitMaterializedSRF(fcinfo, 0);
  const auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
  for (const Rule &row : rules()) {
    Datum values[] = {CStringGetTextDatum(c_string(row.name)),
                      CStringGetTextDatum(c_string(action_name(row.default_action))),
                      CStringGetTextDatum(c_string(row.summary))};
    bool nulls[] = {false, false, false};
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  }
  return Datum{0};
}

Datum schema_guard_set_policy(PG_FUNCTION_ARGS) {
  using namespace schema_guard;
  require_administrator("set_policy");
  const char *rule = TextDatumGetCString(required(fcinfo, 0, "rule"));
  const char *action = TextDatumGetCString(required(fcinfo, 1, "action"));
  const char *pattern = TextDatumGetCString(required(fcinfo, 2, "object_pattern"));
  (void)checked_rule(rule);
  check_action(action);
  check_loosening(rule, action);
  check_pattern(rule, pattern);
  const char *reason = required_text(fcinfo, 5, "reason");

  const bool any_role = PG_ARGISNULL(3);
  const Oid role = any_role ? InvalidOid : PG_GETARG_OID(3);
  const QueryArgument role_argument{OIDOID, ObjectIdGetDatum(role), any_role};
  const bool for_good = PG_ARGISNULL(4);
  if (!for_good && PG_GETARG_TIMESTAMPTZ(4) <= GetCurrentTimestamp())
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("valid_until must be in the future"));
  const char *session_role = session_role_name();

  GuardQuery query = GuardQuery::open();
  const uint64 ended = end_policy(query, rule, pattern, role_argument, session_role, reason);
  int64 id = 0;
  if (strcmp(action, ending_action) == 0) {
    if (ended == 0)
      ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no such policy to end"));
  } else {
    query.execute(
        R"(
INSERT INTO schema_guard.standing_policy (rule, action, object_pattern, role, role_name, valid_until, reason, set_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id)",
        {text_argument(rule),
         text_argument(action),
         text_argument(pattern),
         role_argument,
         any_role ? null_text_argument() : text_argument(GetUserNameFromId(role, false)),
         {TIMESTAMPTZOID, for_good ? Datum{0} : PG_GETARG_DATUM(4), for_good},
         text_argument(reason),
         text_argument(session_role)});
    id = query.bigint(0, 1);
  }
  query.close();
  // Every session that keeps the policy reads it again; see policy/live_policy.cpp.
  CacheInvalidateRelcacheByRelid(guard_objects()->policy);
  if (id == 0)
    PG_RETURN_NULL();
  PG_RETURN_INT64(id);
}
