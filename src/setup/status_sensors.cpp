// What sees a statement.
#include "pg/compat.hpp"
#include "pg/extension.hpp"
#include "pg/guarded_setting.hpp"
#include "pg/memory.hpp"
#include "pg/settings.hpp"
#include "setup/preload.hpp"
#include "setup/status.hpp"

extern "C" {
#include "commands/dbcommands.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/guc.h"
}

namespace schema_guard {

namespace {

// What only the hooks can see, and so passes in a session's first statement if the library comes with that.
constexpr const char *unseen_doors =
    "until a session has run a first data definition statement, nobody sees its TRUNCATE, DROP DATABASE, ALTER and "
    "DROP EVENT TRIGGER, ALTER SYSTEM, ALTER DATABASE and ALTER ROLE ... SET, REASSIGN OWNED, GRANT ... ON PARAMETER, "
    "SET "
    "event_triggers, and what it writes to system catalogs";

Finding event_trigger(GuardQuery &query, const char *event, const char *function) {
  query.execute(R"(
SELECT t.evtname, t.evtenabled = 'A', t.evttags IS NULL
  FROM pg_catalog.pg_event_trigger AS t JOIN pg_catalog.pg_proc AS p ON p.oid = t.evtfoid
 WHERE t.evtevent = $1 AND p.proname = $2 AND p.pronamespace = $3 ORDER BY 2 DESC, 3 DESC LIMIT 1)",
                {text_argument(event), text_argument(function), oid_argument(guard_objects()->schema)});
  if (query.rows() == 0)
    return {
        State::error, "there is none",
        psprintf("CREATE EVENT TRIGGER schema_guard_%s ON %s EXECUTE FUNCTION schema_guard.%s(); ALTER EXTENSION "
                 "schema_guard ADD EVENT TRIGGER schema_guard_%s; ALTER EVENT TRIGGER schema_guard_%s ENABLE ALWAYS;",
                 event, event, function, event, event)};
  const char *name = query.text(0, 1, CurrentMemoryContext);
  if (!DatumGetBool(query.value(0, 2)))
    return {State::error, psprintf("event trigger %s is not ENABLE ALWAYS", name),
            psprintf("ALTER EVENT TRIGGER %s ENABLE ALWAYS;", quote_identifier(name))};
  if (!DatumGetBool(query.value(0, 3)))
    return {State::error, psprintf("event trigger %s is for some command tags only", name), "Create it without WHEN."};
  return {.detail = name};
}

Finding start_trigger(GuardQuery &query, Arena &) {
  return event_trigger(query, "ddl_command_start", "on_ddl_command_start");
}
Finding end_trigger(GuardQuery &query, Arena &) {
  return event_trigger(query, "ddl_command_end", "on_ddl_command_end");
}

Finding event_triggers_setting(GuardQuery &, Arena &) {
  if (compat::event_triggers_enabled())
    return {.detail = "event triggers run"};
  return {State::error, "event_triggers is off: no event trigger runs in this session", "RESET event_triggers;"};
}

// Extensions that keep event triggers from running for some roles.
constexpr const char *skipping_libraries[] = {"supautils"};

Finding skipping_extensions(GuardQuery &, Arena &) {
  for (const char *setting : {"shared_preload_libraries", preload_setting}) {
    const char *libraries = GetConfigOption(setting, true, false);
    for (const char *library : skipping_libraries)
      if (libraries != nullptr && strstr(libraries, library) != nullptr)
        return {State::warning, psprintf("%s has %s, which skips event triggers for some roles", setting, library),
                "Have the guard's hooks in every session as well: SELECT schema_guard.harden();"};
  }
  return {.detail = "none that is known to keep event triggers from running"};
}

Finding hooks_in_new_sessions(GuardQuery &, Arena &) {
  if (preloaded_by_cluster())
    return {.detail = "loaded by shared_preload_libraries"};
  if (lists_guard_library(database_preload()))
    return {.detail = "loaded by session_preload_libraries, but not in replication connections, nor where a superuser "
                      "connects with "
                      "another value"};
  return {State::warning, psprintf("not preloaded: %s", unseen_doors), "SELECT schema_guard.harden();"};
}

Finding hooks_for_all_roles(GuardQuery &query, Arena &arena) {
  if (preloaded_by_cluster())
    return {.detail = "no role can do without"};
  const Vector<RolePreload> roles = roles_without_library(query, arena);
  if (roles.empty())
    return {.detail = "no role has session_preload_libraries without schema_guard"};
  StringInfoData names;
  initStringInfo(&names);
  for (const RolePreload &each : roles)
    appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", quote_identifier(GetUserNameFromId(each.role, false)));
  return {State::warning, psprintf("session_preload_libraries of their own, without schema_guard: %s", names.data),
          "SELECT schema_guard.harden();"};
}

Finding all_sensors(GuardQuery &, Arena &) {
  for (const Sensor sensor : {Sensor::event_trigger, Sensor::object_access, Sensor::utility})
    if (!is_at_work(sensor))
      return {State::error, "schema_guard.debug_sensors has switched some off", "RESET schema_guard.debug_sensors;"};
  return {.detail = "all are at work"};
}

// The tables of an extension can't be left out of such a publication.
Finding publications(GuardQuery &query, Arena &) {
  query.execute("SELECT pg_catalog.string_agg(pg_catalog.quote_ident(pubname), ', ' ORDER BY pubname) "
                "FROM pg_catalog.pg_publication WHERE puballtables");
  if (query.is_null(0, 1))
    return {.detail = "none is for all tables"};
  return {State::warning,
          psprintf("for all tables, and so for the guard's as well: %s", query.text(0, 1, CurrentMemoryContext)),
          "Install schema_guard in the subscribers' databases before anything is refused here; it passes these rows "
          "over there."};
}

Finding database_protection(GuardQuery &, Arena &) {
  const char *name = get_database_name(MyDatabaseId);
  if (!is_protected_database(name))
    return {State::warning, psprintf("schema_guard.protect_databases is \"%s\"", protected_databases()),
            "Add this database to schema_guard.protect_databases."};
  if (!preloaded_by_cluster())
    return {State::warning,
            "sessions in other databases don't have the library: they can drop this one, and store settings for it",
            "Add schema_guard to shared_preload_libraries, and restart the server."};
  return {.detail = psprintf("protected: %s", protected_databases())};
}

} // namespace

constexpr Condition sensor_list[] = {
    {"event triggers", "ddl_command_start", start_trigger},
    {"event triggers", "ddl_command_end", end_trigger},
    {"event triggers", "switched on", event_triggers_setting},
    {"event triggers", "other extensions", skipping_extensions},
    {"hooks", "in new sessions", hooks_in_new_sessions},
    {"hooks", "for all roles", hooks_for_all_roles},
    {"hooks", "sensors", all_sensors},
    {"hooks", "drop database", database_protection},
    {"replication", "publications", publications},
};
const Condition *const sensor_conditions = sensor_list;
const std::size_t sensor_condition_count = std::size(sensor_list);

} // namespace schema_guard
