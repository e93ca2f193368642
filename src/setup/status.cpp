#include "setup/status.hpp"

#include "approval/approver.hpp"
#include "pg/arguments.hpp"
#include "pg/extension.hpp"
#include "pg/memory.hpp"

extern "C" {
#include "funcapi.h"
#include "utils/acl.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(schema_guard_status);
}

namespace schema_guard {

namespace {

const char *state_name(State state) {
  constexpr const char *names[] = {"ok", "warning", "error"};
  return names[static_cast<std::size_t>(state)];
}

void put(const ReturnSetInfo &result, const Condition &condition, const Finding &finding) {
  const char *texts[] = {condition.layer, condition.name, state_name(finding.state), finding.detail, finding.remedy};
  Datum values[std::size(texts)];
  bool nulls[std::size(texts)];
  for (std::size_t place = 0; place < std::size(texts); ++place) {
    nulls[place] = texts[place] == nullptr;
    values[place] = nulls[place] ? Datum{0} : CStringGetTextDatum(texts[place]);
  }
  tuplestore_putvalues(result.setResult, result.setDesc, values, nulls);
}

Finding tables() {
  const char *missing = guard_objects()->missing;
  if (missing == nullptr)
    return {.detail = "all are there"};
  return {State::error,
          psprintf("relation \"%s\" is missing: what is destructive is refused, and nobody can approve it", missing),
          "Restore the relation, or drop the extension and create it again, with schema_guard.mode = off."};
}

void put_all(const ReturnSetInfo &result, const Condition *conditions, std::size_t count, GuardQuery &query) {
  ContextArena arena;
  for (std::size_t place = 0; place < count; ++place)
    put(result, conditions[place], conditions[place].find(query, arena));
}

} // namespace

} // namespace schema_guard

Datum schema_guard_status(PG_FUNCTION_ARGS) {
  using namespace schema_guard;
  const GuardObjects *objects = guard_objects();
  if (!superuser() && (objects == nullptr || !has_privs_of_role(GetUserId(), objects->owner)))
    require_approver("status");
  InitMaterializedSRF(fcinfo, 0);
  const auto &result = *reinterpret_cast<const ReturnSetInfo *>(fcinfo->resultinfo);
  GuardQuery query = GuardQuery::open();
  put_all(result, sensor_conditions, sensor_condition_count, query);
  put(result, {"extension", "tables", nullptr}, tables());
  // The others look into them.
  if (whole_guard() != nullptr) {
    put_all(result, record_conditions, record_condition_count, query);
    put_all(result, rule_conditions, rule_condition_count, query);
  }
  query.close();
  return Datum{0};
}
