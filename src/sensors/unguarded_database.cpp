#include "sensors/unguarded_database.hpp"

#include "audit/record.hpp"
#include "pg/live_catalog.hpp"
#include "pg/memory.hpp"
#include "pg/parse.hpp"
#include "pg/settings.hpp"
#include "pg/sqlstate.hpp"
#include "sensors/sensor.hpp"
#include "sensors/statement_text.hpp"

namespace schema_guard {

namespace {

// No policy can be read and no token be checked where their tables are not.
class NoPolicy final : public Policy {
public:
  std::optional<Action> action(const Effect &) override { return std::nullopt; }
};

} // namespace

void drop_database_elsewhere(const DropdbStmt *statement) {
  const Node *tree = reinterpret_cast<const Node *>(statement);
  ContextArena arena;
  LiveCatalog catalog(arena);
  const Command command = parse_command(tree, arena);
  const Effects found = effects(command, catalog, arena);
  catalog.close();
  NoPolicy policy;
  const Verdict verdict = judge(found, policy, nullptr, mode(), false, arena);
  if (found.list.empty())
    return;

  AuditRecord record = new_record();
  record.verdict = c_string(decision_name(verdict.decision));
  record.rule = c_string(rule(verdict.rule).name);
  record.command_tag = c_string(command.tag);
  record.statement = statement_text(tree);
  record.sensor = sensor::utility;
  ereport(LOG_SERVER_ONLY, errmsg_internal("schema_guard: %s", log_json(record, found)), errhidestmt(true),
          errhidecontext(true));
  if (verdict.decision == Decision::warned)
    ereport(WARNING, errmsg("drops database %s", statement->dbname), errdetail("The rule is drop_database."));
  if (verdict.decision == Decision::blocked)
    ereport(ERROR, errhidestmt(true), errcode(sqlstate_blocked),
            errmsg("cannot drop database %s without an approval", statement->dbname),
            errdetail("Extension schema_guard is not installed in this database, so nobody can approve it here."),
            errhint("Run it in a database that has the extension, or take the database out of "
                    "schema_guard.protect_databases."));
}

} // namespace schema_guard
