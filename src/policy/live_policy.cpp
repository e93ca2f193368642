#include "policy/live_policy.hpp"

#include "pg/extension.hpp"
#include "pg/memory.hpp"
#include "pg/query.hpp"

extern "C" {
#include "catalog/pg_collation.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/timestamp.h"
}

namespace schema_guard {

namespace {

struct PolicyRow {
  RuleId rule;
  Action action;
  Oid role; // invalid: any
  TimestampTz valid_until;
  text *pattern;
  int literals; // characters of the pattern that are not wildcards
};

struct Rows {
  explicit Rows(MemoryContext context) : arena(context), list(arena) {}
  ContextArena arena;
  Vector<PolicyRow> list;
};

Rows *rows = nullptr;
bool rows_valid = false;
Oid rows_relation = InvalidOid; // the table that they were read from
uint64 invalidations = 0;

int count_literals(const char *pattern) {
  int count = 0;
  for (const char *place = pattern; *place != '\0'; ++place)
    count += *place != '%' && *place != '_' ? 1 : 0;
  return count;
}

// Built aside and then swapped in, so that an error on the way leaves nothing half read.
void load() {
  MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "schema_guard policy", ALLOCSET_SMALL_SIZES);
  Rows *loaded = new (MemoryContextAlloc(context, sizeof(Rows))) Rows(context);
  const uint64 invalidations_before = invalidations;
  GuardQuery query = GuardQuery::open();
  query.execute(R"(
SELECT rule, action, role, valid_until, object_pattern FROM ONLY schema_guard.standing_policy WHERE ended_at IS NULL)");
  for (uint64 row = 0; row < query.rows(); ++row) {
    const std::optional<RuleId> rule = find_rule(query.text(row, 1, context));
    const std::optional<Action> action = find_action(query.text(row, 2, context));
    if (!rule || !action)
      continue;
    const char *pattern = query.text(row, 5, context);
    MemoryContext previous = MemoryContextSwitchTo(context);
    loaded->list.push_back({*rule, *action, query.is_null(row, 3) ? InvalidOid : DatumGetObjectId(query.value(row, 3)),
                            query.is_null(row, 4) ? DT_NOEND : DatumGetTimestampTz(query.value(row, 4)),
                            cstring_to_text(pattern), count_literals(pattern)});
    MemoryContextSwitchTo(previous);
  }
  query.close();
  MemoryContextSetParent(context, CacheMemoryContext);
  if (rows != nullptr)
    MemoryContextDelete(rows->arena.context());
  rows = loaded;
  rows_relation = guard_objects() == nullptr ? InvalidOid : guard_objects()->policy;
  rows_valid = invalidations == invalidations_before; // one that came during the query counts
}

void forget(Datum, Oid relation) {
  if (relation != InvalidOid && relation != rows_relation)
    return;
  rows_valid = false;
  ++invalidations;
}

bool matches(const PolicyRow &row, const Effect &effect, text *path, TimestampTz now) {
  return row.rule == effect.rule && row.valid_until > now &&
         (!OidIsValid(row.role) || is_member_of_role_nosuper(GetUserId(), row.role)) &&
         DatumGetBool(
             DirectFunctionCall2Coll(textlike, C_COLLATION_OID, PointerGetDatum(path), PointerGetDatum(row.pattern)));
}

bool decides_over(const PolicyRow &row, const PolicyRow &other) {
  if (row.literals != other.literals)
    return row.literals > other.literals;
  if (OidIsValid(row.role) != OidIsValid(other.role))
    return OidIsValid(row.role);
  return row.action > other.action;
}

} // namespace

std::optional<Action> LivePolicy::action(const Effect &effect) {
  // While somebody has the table locked, what was read last goes on; without that, the rules' defaults.
  if ((!rows_valid || rows == nullptr) && try_lock_for_reading({guard_objects()->policy}))
    load();
  if (rows == nullptr || rows->list.empty())
    return std::nullopt;
  text *path =
      cstring_to_text_with_len(effect.description.path.data(), static_cast<int>(effect.description.path.size()));
  const TimestampTz now = GetCurrentTimestamp();
  const PolicyRow *deciding = nullptr;
  for (const PolicyRow &row : rows->list)
    if (matches(row, effect, path, now) && (deciding == nullptr || decides_over(row, *deciding)))
      deciding = &row;
  return deciding == nullptr ? std::nullopt : std::optional(deciding->action);
}

void watch_policy() { CacheRegisterRelcacheCallback(forget, Datum{0}); }

} // namespace schema_guard
