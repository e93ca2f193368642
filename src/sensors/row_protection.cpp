// The rows of the guard's own tables: written by the guard, and by nobody else.
#include "pg/extension.hpp"
#include "pg/live_catalog.hpp"
#include "pg/memory.hpp"
#include "sensors/guard.hpp"
#include "sensors/sensor.hpp"
#include "sensors/statement.hpp"
#include "sensors/statement_text.hpp"

extern "C" {
#include "commands/trigger.h"
#include "replication/logicalworker.h"
#include "tcop/pquery.h"
#include "utils/portal.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(schema_guard_protect_rows);
}

namespace schema_guard {

namespace {

const char *command_of(TriggerEvent event) {
  if (TRIGGER_FIRED_BY_INSERT(event))
    return "INSERT";
  if (TRIGGER_FIRED_BY_UPDATE(event))
    return "UPDATE";
  return TRIGGER_FIRED_BY_DELETE(event) ? "DELETE" : "TRUNCATE TABLE";
}

// What runs is all that a trigger can know: the statement that the portal is at. What the client sent may be an
// EXECUTE, which could be anything next time, and may have others around it, with secrets in them.
const char *text_in_portal() {
  if (ActivePortal == nullptr || ActivePortal->stmts == NIL)
    return nullptr;
  const auto *statement = linitial_node(PlannedStmt, ActivePortal->stmts);
  return cut_statement(ActivePortal->sourceText, statement->stmt_location, statement->stmt_len);
}

// Parameters, what COPY reads, and what an EXECUTE within EXPLAIN or CREATE TABLE AS stands for, could be others the
// next time.
bool says_all() {
  if (ActivePortal == nullptr || ActivePortal->stmts == NIL)
    return false;
  if (ActivePortal->portalParams != nullptr && ActivePortal->portalParams->numParams > 0)
    return false;
  const Node *utility = linitial_node(PlannedStmt, ActivePortal->stmts)->utilityStmt;
  return utility == nullptr || IsA(utility, TruncateStmt) || IsA(utility, DoStmt);
}

void protect(const TriggerData &trigger) {
  const Oid table = RelationGetRelid(trigger.tg_relation);
  if (rows_are_cleared(table) || is_cleared_truncation({RelationRelationId, table, 0}))
    return;
  ContextArena arena;
  LiveCatalog catalog(arena);
  Effects found(arena);
  Effect effect{.rule = RuleId::guard_tampering, .kind = ObjectKind::table, .address = {RelationRelationId, table, 0}};
  effect.description = catalog.describe(effect.address, effect.kind);
  catalog.close();
  found.list.push_back(effect);
  const char *text = text_in_portal();
  const Sighting sighting{.sensor = sensor::row_protection,
                          .command_tag = command_of(trigger.tg_event),
                          .statement = text,
                          .seen_at = GetCurrentTimestamp(),
                          .begun = nullptr};
  guard_and_record(found, sighting, says_all(), arena);
  clear_rows(table);
}

// Each database keeps an audit and approvals of its own. What a publication of all tables brings from another database
// is passed over, row by row: the worker that applies it fires no statement triggers, and must not fail for it either.
HeapTuple row_to_keep(const TriggerData &trigger) {
  if (IsLogicalWorker())
    return nullptr;
  return TRIGGER_FIRED_BY_UPDATE(trigger.tg_event) ? trigger.tg_newtuple : trigger.tg_trigtuple;
}

bool is_replication(const TriggerData &trigger) {
  return IsLogicalWorker() && !TRIGGER_FIRED_BY_TRUNCATE(trigger.tg_event);
}

} // namespace

} // namespace schema_guard

Datum schema_guard_protect_rows(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_TRIGGER(fcinfo))
    ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
            errmsg("schema_guard.protect_rows() can only be called as a trigger"));
  const auto &trigger = *reinterpret_cast<const TriggerData *>(fcinfo->context);
  if (TRIGGER_FIRED_FOR_ROW(trigger.tg_event))
    PG_RETURN_POINTER(schema_guard::row_to_keep(trigger));
  if (!schema_guard::inert() && !schema_guard::is_replication(trigger))
    schema_guard::protect(trigger);
  PG_RETURN_POINTER(nullptr);
}
