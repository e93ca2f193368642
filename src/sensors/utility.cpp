// Ring 3: ProcessUtility_hook. It judges every statement, also those for which PostgreSQL runs no event trigger, such
// as TRUNCATE; where it has begun one, ring 1 only ends it. It also knows where in the source a statement stands.
#include "pg/compat.hpp"
#include "pg/extension.hpp"
#include "pg/parse.hpp"
#include "pg/settings.hpp"
#include "sensors/elsewhere.hpp"
#include "sensors/event_triggers.hpp"
#include "sensors/sensor.hpp"
#include "sensors/statement_text.hpp"
#include "sensors/utility_command.hpp"

extern "C" {
#include "nodes/nodes.h"
#include "tcop/utility.h"
}

namespace schema_guard {

namespace {

ProcessUtility_hook_type next_hook = nullptr;

// What PostgreSQL refuses by itself, after this (PreventCommandIfReadOnly, PreventInTransactionBlock,
// AlterSystemSetConfigFile).
bool will_be_refused(const Node *tree, ProcessUtilityContext context) {
  const bool is_alter_system = IsA(tree, AlterSystemStmt);
  if (XactReadOnly && !is_alter_system)
    return true;
  if (is_alter_system && !compat::alter_system_allowed())
    return true;
  return (is_alter_system || IsA(tree, DropdbStmt)) && IsInTransactionBlock(context == PROCESS_UTILITY_TOPLEVEL);
}

// True if the statement's end is to be told as well.
bool started(const Node *tree, ProcessUtilityContext context) {
  // A part of another statement is that one's business.
  if (context == PROCESS_UTILITY_SUBCOMMAND || !is_at_work(Sensor::utility) || will_be_refused(tree, context))
    return false;
  const bool is_other = !fires_event_triggers(tree);
  // Most of what comes here, such as BEGIN, is nobody's business.
  if ((is_other && !is_judged(tree)) || resting())
    return false;
  // Of what a database keeps for itself, the elements of CREATE SCHEMA alone reach beyond it.
  if (guard_objects() == nullptr && (is_other || IsA(tree, CreateSchemaStmt)))
    judge_elsewhere(tree);
  if (inert())
    return false;
  if (is_other)
    return other_command_started(tree);
  // An extension can keep the event triggers' functions from running without a trace in the catalog. So nothing is left
  // to them, and the record says who was to see it until the end tells who did.
  command_started(tree, event_triggers_work() ? sensor::event_trigger : sensor::utility);
  return true;
}

void utility_statement(PlannedStmt *statement, const char *source, bool read_only_tree, ProcessUtilityContext context,
                       ParamListInfo parameters, QueryEnvironment *environment, DestReceiver *receiver,
                       QueryCompletion *completion) {
  // What comes after us would copy a tree that it must not scribble on. Copied here, the tree that we note is the one
  // that the event triggers get.
  if (read_only_tree)
    statement = static_cast<PlannedStmt *>(copyObjectImpl(statement));
  note_statement_text(statement->utilityStmt, source, statement->stmt_location, statement->stmt_len);
  const bool is_ours = started(statement->utilityStmt, context);
  (next_hook != nullptr ? next_hook : standard_ProcessUtility)(statement, source, false, context, parameters,
                                                               environment, receiver, completion);
  // Ring 1 has ended it already, if the event triggers do run.
  if (!is_ours || !command_is_open(statement->utilityStmt))
    return;
  if (inert())
    command_abandoned(statement->utilityStmt);
  else
    command_ended(statement->utilityStmt, sensor::utility);
}

} // namespace

void watch_utility_statements() {
  next_hook = ProcessUtility_hook;
  ProcessUtility_hook = utility_statement;
}

} // namespace schema_guard
