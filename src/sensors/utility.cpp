// Ring 3, as far as drops need it: ProcessUtility_hook knows where in the source the statement stands.
#include "pg/pg.hpp"
#include "sensors/sensor.hpp"
#include "sensors/statement_text.hpp"

extern "C" {
#include "nodes/nodes.h"
#include "tcop/utility.h"
}

namespace schema_guard {

namespace {

ProcessUtility_hook_type next_hook = nullptr;

void utility_statement(PlannedStmt *statement, const char *source, bool read_only_tree, ProcessUtilityContext context,
                       ParamListInfo parameters, QueryEnvironment *environment, DestReceiver *receiver,
                       QueryCompletion *completion) {
  // What comes after us would copy a tree that it must not scribble on. Copied here, the tree that we note is the one
  // that the event triggers get.
  if (read_only_tree)
    statement = static_cast<PlannedStmt *>(copyObjectImpl(statement));
  note_statement_text(statement->utilityStmt, source, statement->stmt_location, statement->stmt_len);
  (next_hook != nullptr ? next_hook : standard_ProcessUtility)(statement, source, false, context, parameters,
                                                               environment, receiver, completion);
}

} // namespace

void watch_utility_statements() {
  next_hook = ProcessUtility_hook;
  ProcessUtility_hook = utility_statement;
}

} // namespace schema_guard
