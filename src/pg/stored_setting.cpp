#include "pg/stored_setting.hpp"

#include "pg/compat.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_database.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_parameter_acl.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "nodes/pg_list.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/varlena.h"
}

namespace schema_guard {

namespace {

enum class Scope : std::uint8_t { cluster, database, role, all_roles, function, privilege };

struct Change {
  Scope scope = Scope::cluster;
  Oid database = InvalidOid;
  Oid role = InvalidOid;
  const VariableSetStmt *set = nullptr;
};

bool is_reset(const Change &change) {
  return change.set->kind == VAR_RESET || change.set->kind == VAR_RESET_ALL || change.set->kind == VAR_SET_DEFAULT;
}

// The value before the change: of this very target or, where there is none, of the session that makes the change.
const char *present_value(const Change &change, const char *name) {
  if (change.scope == Scope::database || change.scope == Scope::role || change.scope == Scope::all_roles)
    if (const char *stored = stored_setting(change.database, change.role, name); stored != nullptr || is_reset(change))
      return stored;
  return GetConfigOption(name, true, false);
}

bool lowers_mode(const Change &, const char *, const char *value) {
  struct Mode {
    const char *name;
    GuardMode mode;
  };
  constexpr Mode modes[] = {{"warn", GuardMode::warn}, {"observe", GuardMode::observe}, {"off", GuardMode::off}};
  for (const Mode &row : modes)
    if (value != nullptr && pg_strcasecmp(value, row.name) == 0)
      return row.mode > mode();
  return false;
}

bool ends_four_eyes(const Change &, const char *, const char *value) {
  bool on = true;
  return value != nullptr && parse_bool(value, &on) && !on && four_eyes();
}

bool ends_protection(const Change &, const char *, const char *value) {
  return value != nullptr && strcmp(value, "*") != 0 && strcmp(value, protected_databases()) != 0;
}

bool ends_sensors(const Change &, const char *, const char *value) {
  return value != nullptr && strcmp(value, "all") != 0;
}

bool unloads(const Change &change, const char *name, const char *value) {
  return !lists_guard_library(value) && lists_guard_library(present_value(change, name));
}

bool stops_event_triggers(const Change &, const char *, const char *value) {
  bool on = true;
  return value != nullptr && parse_bool(value, &on) && !on;
}

struct GuardedSetting {
  const char *name;
  bool (*weakens)(const Change &change, const char *name, const char *value); // null: it is reset
};

constexpr GuardedSetting guarded_settings[] = {
    {"schema_guard.mode", lowers_mode},
    {"schema_guard.four_eyes", ends_four_eyes},
    {"schema_guard.protect_databases", ends_protection},
    {"schema_guard.debug_sensors", ends_sensors},
    {"session_preload_libraries", unloads},
    {"shared_preload_libraries", unloads},
    {"event_triggers", stops_event_triggers}, // since PostgreSQL 17
};

int guarded_place(const char *name) {
  for (std::size_t place = 0; place < std::size(guarded_settings); ++place)
    if (name != nullptr && pg_strcasecmp(name, guarded_settings[place].name) == 0)
      return static_cast<int>(place);
  return -1;
}

constexpr int places_in_scope = 100;

Resolution found(Scope scope, Oid object, int place) {
  return {Resolution::Status::found,
          {DbRoleSettingRelationId, OidIsValid(object) ? object : ObjectId{1},
           static_cast<int>(scope) * places_in_scope + place + 1}};
}

constexpr Resolution nothing{Resolution::Status::missing, {}};

bool may_set(const char *name) {
  return superuser() || pg_parameter_aclcheck(name, GetUserId(), ACL_SET) == ACLCHECK_OK;
}

Resolution judge_change(const Change &change) {
  const Oid object = OidIsValid(change.role) ? change.role : change.database;
  for (std::size_t place = 0; place < std::size(guarded_settings); ++place) {
    const GuardedSetting &row = guarded_settings[place];
    const bool all = change.set->kind == VAR_RESET_ALL;
    if (!all && (change.set->name == nullptr || pg_strcasecmp(change.set->name, row.name) != 0))
      continue;
    const char *value = is_reset(change) ? nullptr : ExtractSetVariableArgs(const_cast<VariableSetStmt *>(change.set));
    if (may_set(row.name) && row.weakens(change, row.name, value))
      return found(change.scope, object, static_cast<int>(place));
  }
  return nothing;
}

// The SET clauses of CREATE and ALTER FUNCTION: for every caller, whoever that is.
Resolution judge_clauses(const List *options) {
  const ListCell *cell = nullptr;
  foreach (cell, options) {
    const auto *option = static_cast<const DefElem *>(lfirst(cell));
    if (option->arg == nullptr || !IsA(option->arg, VariableSetStmt))
      continue;
    const Change change{.scope = Scope::function, .set = castNode(VariableSetStmt, option->arg)};
    if (is_reset(change) || guarded_place(change.set->name) < 0)
      continue;
    if (const Resolution judged = judge_change(change); judged.status == Resolution::Status::found)
      return judged;
  }
  return nothing;
}

Resolution judge_privilege(const GrantStmt *grant) {
  if (!grant->is_grant || !superuser())
    return nothing;
  const ListCell *cell = nullptr;
  foreach (cell, grant->objects)
    if (const int place = guarded_place(strVal(lfirst(cell))); place >= 0)
      return found(Scope::privilege, InvalidOid, place);
  return nothing;
}

bool owns_database(Oid database) { return OidIsValid(database) && compat::owns_database(database, GetUserId()); }

Resolution judge_role(const AlterRoleSetStmt *alter) {
  Change change{.scope = alter->role == nullptr ? Scope::all_roles : Scope::role, .set = alter->setstmt};
  if (alter->role != nullptr) {
    change.role = get_rolespec_oid(alter->role, true);
    if (!OidIsValid(change.role))
      return nothing;
  }
  if (alter->database != nullptr) {
    change.database = get_database_oid(alter->database, true);
    if (!OidIsValid(change.database))
      return nothing;
  }
  return judge_change(change);
}

Resolution judge_database(const AlterDatabaseSetStmt *alter) {
  const Oid database = get_database_oid(alter->dbname, true);
  if (!owns_database(database))
    return nothing;
  return judge_change({.scope = Scope::database, .database = database, .set = alter->setstmt});
}

const VariableSetStmt *stored_clause(const Node *statement) {
  switch (nodeTag(statement)) {
  case T_AlterSystemStmt:
    return reinterpret_cast<const AlterSystemStmt *>(statement)->setstmt;
  case T_AlterDatabaseSetStmt:
    return reinterpret_cast<const AlterDatabaseSetStmt *>(statement)->setstmt;
  case T_AlterRoleSetStmt:
    return reinterpret_cast<const AlterRoleSetStmt *>(statement)->setstmt;
  default:
    return nullptr;
  }
}

} // namespace

Resolution look_up_stored_setting(const Node *statement) {
  switch (nodeTag(statement)) {
  case T_AlterSystemStmt:
    return judge_change({.scope = Scope::cluster, .set = stored_clause(statement)});
  case T_AlterDatabaseSetStmt:
    return judge_database(reinterpret_cast<const AlterDatabaseSetStmt *>(statement));
  case T_AlterRoleSetStmt:
    return judge_role(reinterpret_cast<const AlterRoleSetStmt *>(statement));
  case T_CreateFunctionStmt:
    return judge_clauses(reinterpret_cast<const CreateFunctionStmt *>(statement)->options);
  case T_AlterFunctionStmt:
    return judge_clauses(reinterpret_cast<const AlterFunctionStmt *>(statement)->actions);
  case T_GrantStmt:
    return judge_privilege(reinterpret_cast<const GrantStmt *>(statement));
  default:
    return nothing;
  }
}

ObjectDescription describe_stored_setting(const Address &address, Arena &arena) {
  const int code = address.sub_id - 1;
  const char *name = guarded_settings[code % places_in_scope].name;
  const char *identity = name;
  switch (static_cast<Scope>(code / places_in_scope)) {
  case Scope::cluster:
    identity = psprintf("%s of the cluster", name);
    break;
  case Scope::database:
    identity = psprintf("%s of database %s", name, quote_identifier(get_database_name(address.object_id)));
    break;
  case Scope::role:
    identity = psprintf("%s of role %s", name, quote_identifier(GetUserNameFromId(address.object_id, false)));
    break;
  case Scope::all_roles:
    identity = psprintf("%s of all roles", name);
    break;
  case Scope::function:
    identity = psprintf("%s of a function", name);
    break;
  case Scope::privilege:
    identity = psprintf("%s as a privilege", name);
    break;
  }
  const std::string_view text = arena.copy(identity);
  return {.object_type = "setting", .identity = text, .path = text};
}

bool names_guarded_setting(const Node *statement) {
  const VariableSetStmt *clause = stored_clause(statement);
  return clause != nullptr && (clause->kind == VAR_RESET_ALL || guarded_place(clause->name) >= 0);
}

bool lists_guard_library(const char *libraries) {
  if (libraries == nullptr)
    return false;
  List *names = NIL;
  if (!SplitDirectoriesString(pstrdup(libraries), ',', &names))
    return false;
  const ListCell *cell = nullptr;
  foreach (cell, names) {
    const auto *path = static_cast<const char *>(lfirst(cell));
    const char *slash = strrchr(path, '/');
    const char *file = slash == nullptr ? path : slash + 1;
    if (strcmp(file, "schema_guard") == 0 || strcmp(file, "schema_guard" DLSUFFIX) == 0)
      return true;
  }
  return false;
}

char *stored_setting(Oid database, Oid role, const char *name) {
  Relation catalog = table_open(DbRoleSettingRelationId, AccessShareLock);
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], Anum_pg_db_role_setting_setdatabase, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(database));
  ScanKeyInit(&keys[1], Anum_pg_db_role_setting_setrole, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(role));
  SysScanDesc scan = systable_beginscan(catalog, DbRoleSettingDatidRolidIndexId, true, nullptr, 2, keys);
  char *result = nullptr;
  if (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple)) {
    bool null = true;
    const Datum entries = heap_getattr(tuple, Anum_pg_db_role_setting_setconfig, RelationGetDescr(catalog), &null);
    Datum *texts = nullptr;
    int count = 0;
    if (!null)
      deconstruct_array(DatumGetArrayTypeP(entries), TEXTOID, -1, false, TYPALIGN_INT, &texts, nullptr, &count);
    const size_t length = strlen(name);
    for (int place = 0; place < count && result == nullptr; ++place) {
      const char *entry = TextDatumGetCString(texts[place]);
      if (pg_strncasecmp(entry, name, length) == 0 && entry[length] == '=')
        result = pstrdup(entry + length + 1);
    }
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return result;
}

} // namespace schema_guard
