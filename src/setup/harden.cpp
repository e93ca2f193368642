// harden(): the library in every new session of this database, without a restart.
#include "pg/arguments.hpp"
#include "pg/guarded_setting.hpp"
#include "pg/memory.hpp"
#include "setup/preload.hpp"

extern "C" {
#include "commands/dbcommands.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

PG_FUNCTION_INFO_V1(schema_guard_harden);
}

namespace schema_guard {

namespace {

// The list with the guard at its end, as literals that SET takes for the elements of a list.
const char *with_library(const char *libraries) {
  List *names = NIL;
  if (!SplitDirectoriesString(pstrdup(libraries), ',', &names))
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("invalid list syntax in parameter \"%s\": %s", preload_setting, libraries));
  StringInfoData out;
  initStringInfo(&out);
  const ListCell *cell = nullptr;
  foreach (cell, names)
    appendStringInfo(&out, "%s, ", quote_literal_cstr(static_cast<const char *>(lfirst(cell))));
  appendStringInfoString(&out, "'schema_guard'");
  return out.data;
}

const char *database_name() { return quote_identifier(get_database_name(MyDatabaseId)); }

void harden_database(GuardQuery &query) {
  const char *present = database_preload();
  if (!lists_guard_library(present))
    query.execute(psprintf("ALTER DATABASE %s SET %s = %s", database_name(), preload_setting, with_library(present)));
}

void harden_roles(GuardQuery &query) {
  ContextArena arena;
  const Vector<RolePreload> roles = roles_without_library(query, arena);
  for (const RolePreload &each : roles)
    query.execute(psprintf("ALTER ROLE %s IN DATABASE %s SET %s = %s",
                           quote_identifier(GetUserNameFromId(each.role, false)), database_name(), preload_setting,
                           with_library(each.libraries)));
}

} // namespace

} // namespace schema_guard

Datum schema_guard_harden(PG_FUNCTION_ARGS) {
  using namespace schema_guard;
  require_administrator("harden");
  GuardQuery query = GuardQuery::open();
  harden_database(query);
  harden_roles(query);
  CommandCounterIncrement();
  char *result = MemoryContextStrdup(fcinfo->flinfo->fn_mcxt, database_preload());
  query.close();
  PG_RETURN_TEXT_P(cstring_to_text(result));
}
