// What is done with what is seen.
#include "core/rule.hpp"
#include "pg/memory.hpp"
#include "pg/settings.hpp"
#include "setup/status.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
}

namespace schema_guard {

namespace {

Finding session_mode(GuardQuery &, Arena &) {
  if (mode() == GuardMode::enforce)
    return {.detail = mode_name(mode())};
  return {State::warning, psprintf("%s, in this session", mode_name(mode())), "RESET schema_guard.mode;"};
}

Finding stored_mode(GuardQuery &query, Arena &) {
  query.execute(R"(
SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', c.setting,
         'of database ' || pg_catalog.quote_ident(d.datname), 'of role ' || pg_catalog.quote_ident(r.rolname)), ', ')
  FROM pg_catalog.pg_db_role_setting AS s
  LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole,
       pg_catalog.unnest(s.setconfig) AS c (setting)
 WHERE s.setdatabase IN (0, $1) AND c.setting ~ '^schema_guard\.mode='
   AND pg_catalog.lower(c.setting) <> 'schema_guard.mode=' || $2)",
                {oid_argument(MyDatabaseId), text_argument(mode_name(GuardMode::enforce))});
  if (query.is_null(0, 1))
    return {.detail = psprintf("nothing but %s", mode_name(GuardMode::enforce))};
  return {State::warning, query.text(0, 1, CurrentMemoryContext),
          "ALTER DATABASE or ALTER ROLE ... RESET schema_guard.mode;"};
}

Finding approvers(GuardQuery &query, Arena &) {
  query.execute("SELECT pg_catalog.string_agg(role_name, ', ' ORDER BY role_name) FROM ONLY schema_guard.approver "
                "WHERE revoked_at IS NULL");
  if (query.is_null(0, 1))
    return {State::warning, "nobody can approve anything", "SELECT schema_guard.grant_approver('...');"};
  return {.detail = query.text(0, 1, CurrentMemoryContext)};
}

Finding four_eyes_setting(GuardQuery &, Arena &) {
  if (four_eyes())
    return {.detail = "nobody approves their own request"};
  return {State::warning, "off: approvers approve their own requests", "RESET schema_guard.four_eyes;"};
}

QueryArgument blocking_rules() {
  Datum *names = static_cast<Datum *>(palloc(sizeof(Datum) * rules().size()));
  int count = 0;
  for (const Rule &row : rules())
    if (row.default_action == Action::block)
      names[count++] = CStringGetTextDatum(c_string(row.name));
  return {TEXTARRAYOID, PointerGetDatum(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT))};
}

Finding wide_policy(GuardQuery &query, Arena &) {
  query.execute(R"(
SELECT pg_catalog.string_agg(rule || ' for everything', ', ' ORDER BY rule) FROM ONLY schema_guard.standing_policy
 WHERE ended_at IS NULL AND (valid_until IS NULL OR valid_until > pg_catalog.clock_timestamp())
   AND rule = ANY ($1) AND action <> 'block' AND pg_catalog.btrim(object_pattern, '%.') = '')",
                {blocking_rules()});
  if (query.is_null(0, 1))
    return {.detail = "no policy switches a blocking rule off for all objects"};
  return {State::warning, psprintf("switched off: %s", query.text(0, 1, CurrentMemoryContext)),
          "SELECT schema_guard.set_policy(..., 'default', ...);"};
}

} // namespace

constexpr Condition rule_list[] = {
    {"rules", "mode", session_mode},
    {"rules", "stored mode", stored_mode},
    {"rules", "policy", wide_policy},
    {"approval", "approvers", approvers},
    {"approval", "four eyes", four_eyes_setting},
};
const Condition *const rule_conditions = rule_list;
const std::size_t rule_condition_count = std::size(rule_list);

} // namespace schema_guard
