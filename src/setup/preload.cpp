#include "setup/preload.hpp"

#include "pg/guarded_setting.hpp"
#include "pg/setting_catalog.hpp"

extern "C" {
#include "utils/guc.h"
}

namespace schema_guard {

bool preloaded_by_cluster() { return lists_guard_library(GetConfigOption("shared_preload_libraries", true, false)); }

// The order of PostgreSQL's own precedence (process_settings in utils/init/postinit.c), without the roles.
const char *database_preload() {
  for (const Oid database : {MyDatabaseId, Oid{InvalidOid}})
    if (const char *stored = stored_setting(database, InvalidOid, preload_setting); stored != nullptr)
      return stored;
  const char *of_server = server_setting(preload_setting);
  return of_server == nullptr ? "" : of_server;
}

Vector<RolePreload> roles_without_library(GuardQuery &query, Arena &arena) {
  Vector<RolePreload> result(arena);
  query.execute("SELECT DISTINCT setrole FROM pg_catalog.pg_db_role_setting "
                "WHERE setrole <> 0 AND setdatabase IN (0, $1) ORDER BY setrole",
                {oid_argument(MyDatabaseId)});
  for (uint64 row = 0; row < query.rows(); ++row) {
    const Oid role = DatumGetObjectId(query.value(row, 1));
    const char *libraries = stored_setting(MyDatabaseId, role, preload_setting);
    if (libraries == nullptr)
      libraries = stored_setting(InvalidOid, role, preload_setting);
    if (libraries != nullptr && !lists_guard_library(libraries))
      result.push_back({role, libraries});
  }
  return result;
}

} // namespace schema_guard
