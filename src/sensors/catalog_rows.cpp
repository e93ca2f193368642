// INSERT, UPDATE, DELETE and MERGE on system catalogs: what a superuser does by hand to what DDL would have been asked
// about. An executor hook, since no trigger can be put on a catalog.
#include "pg/extension.hpp"
#include "pg/live_catalog.hpp"
#include "pg/memory.hpp"
#include "pg/relation_lookup.hpp"
#include "pg/secret.hpp"
#include "sensors/elsewhere.hpp"
#include "sensors/guard.hpp"
#include "sensors/sensor.hpp"
#include "sensors/statement_text.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "catalog/pg_event_trigger.h"
#include "commands/extension.h"
#include "executor/executor.h"
#include "nodes/plannodes.h"
#include "parser/parsetree.h"
}

namespace schema_guard {

namespace {

ExecutorStart_hook_type next_hook = nullptr;

const char *tag_of(CmdType operation) {
  switch (operation) {
  case CMD_INSERT:
    return "INSERT";
  case CMD_DELETE:
    return "DELETE";
  case CMD_UPDATE:
    return "UPDATE";
  default:
    return "MERGE";
  }
}

// Extensions' scripts come with the server's files, as the server's own code does, and may have to mend a catalog. But
// none has any business in these, and code of others runs in between: event triggers, for one.
bool is_left_to_extensions(Oid catalog) { return catalog != EventTriggerRelationId && !is_cluster_catalog(catalog); }

bool is_judged(Oid relation) {
  return is_schema_catalog(relation) && !(creating_extension && is_left_to_extensions(relation));
}

void judge(const QueryDesc *query, const Vector<Address> &catalogs, Arena &arena) {
  LiveCatalog catalog(arena);
  Effects found(arena);
  for (const Address &address : catalogs) {
    Effect effect{.rule = RuleId::change_catalog, .kind = ObjectKind::table, .address = address};
    effect.description = catalog.describe(address, ObjectKind::none);
    found.list.push_back(effect);
  }
  catalog.close();
  const PlannedStmt *plan = query->plannedstmt;
  const char *tag = tag_of(query->operation);
  const char *text = cut_statement(query->sourceText, plan->stmt_location, plan->stmt_len);
  for (const Address &address : catalogs)
    if (may_hold_secret(address.object_id))
      text = redacted_text;
  if (guard_objects() == nullptr) {
    judge_rows_elsewhere(found, tag, text);
    return;
  }
  // Values that are not in the text could be others the next time.
  const bool has_parameters = query->params != nullptr && query->params->numParams > 0;
  const Sighting sighting{.sensor = sensor::catalog_rows,
                          .command_tag = tag,
                          .statement = text,
                          .seen_at = GetCurrentTimestamp(),
                          .begun = nullptr};
  guard_and_record(found, sighting, !has_parameters, arena);
}

void executor_start(QueryDesc *query, int flags) {
  (next_hook != nullptr ? next_hook : standard_ExecutorStart)(query, flags);
  const PlannedStmt *plan = query->plannedstmt;
  if (plan->resultRelations == NIL || (flags & EXEC_FLAG_EXPLAIN_ONLY) != 0)
    return;
  const ListCell *cell = nullptr;
  bool any = false;
  foreach (cell, plan->resultRelations)
    any = any || is_judged(rt_fetch(lfirst_int(cell), plan->rtable)->relid);
  if (!any || (guard_objects() == nullptr ? resting() : inert()))
    return;
  ContextArena arena;
  Vector<Address> catalogs(arena);
  foreach (cell, plan->resultRelations)
    if (const Oid relation = rt_fetch(lfirst_int(cell), plan->rtable)->relid; is_judged(relation))
      catalogs.push_back({RelationRelationId, relation, 0});
  judge(query, catalogs, arena);
}

} // namespace

void watch_catalog_rows() {
  next_hook = ExecutorStart_hook;
  ExecutorStart_hook = executor_start;
}

} // namespace schema_guard
