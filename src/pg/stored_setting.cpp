#include "pg/stored_setting.hpp"

#include "pg/compat.hpp"
#include "pg/digest.hpp"
#include "pg/extension.hpp"
#include "pg/memory.hpp"
#include "pg/query.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "catalog/pg_authid.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_parameter_acl.h"
#include "commands/dbcommands.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "nodes/value.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
}

namespace schema_guard {

namespace {

enum class Scope : std::uint8_t { cluster, database, role, function };

struct Change {
  Scope scope = Scope::cluster;
  Oid database = InvalidOid; // invalid for all
  Oid role = InvalidOid;     // invalid for all
  const VariableSetStmt *set = nullptr;
};

bool is_reset(const Change &change) {
  return change.set->kind == VAR_RESET || change.set->kind == VAR_RESET_ALL || change.set->kind == VAR_SET_DEFAULT;
}

enum class File : std::uint8_t { any, alter_system, others };

// What the server's files say, whatever is stored on top of it for this session's database and role; null if nothing.
const char *file_setting(const char *name, File file) {
  // Where the guard has no tables there is nobody to run its queries as; nor does such a database have much stored.
  if (guard_objects() == nullptr)
    return GetConfigOption(name, true, false) == nullptr ? nullptr : GetConfigOptionResetString(name);
  GuardQuery query = GuardQuery::open();
  query.execute(R"(
SELECT setting FROM pg_catalog.pg_file_settings
 WHERE pg_catalog.lower(name) = $1 AND (applied OR error IS NULL)
   AND $2 IN (0, CASE WHEN sourcefile ~ 'postgresql\.auto\.conf$' THEN 1 ELSE 2 END) ORDER BY seqno DESC LIMIT 1)",
                {text_argument(name), bigint_argument(static_cast<int64>(file))});
  char *result = query.rows() == 0 ? nullptr : query.text(0, 1, TopTransactionContext);
  query.close();
  return result;
}

// A place where settings are stored, by PostgreSQL's key for it.
struct Place {
  Oid database;
  Oid role;
};

// The places that the change's own goes before, in this order (process_settings in utils/init/postinit.c), and then the
// server's files. For a role everywhere, what counts is how this database has it.
Vector<Place> places_below(const Change &change, Arena &arena) {
  Vector<Place> result(arena);
  if (change.scope == Scope::role && OidIsValid(change.role)) {
    if (OidIsValid(change.database))
      result.push_back({InvalidOid, change.role});
    result.push_back({OidIsValid(change.database) ? change.database : MyDatabaseId, InvalidOid});
  }
  if (change.scope != Scope::cluster && (OidIsValid(change.role) || OidIsValid(change.database)))
    result.push_back({InvalidOid, InvalidOid});
  return result;
}

const char *value_below(const Change &change, const char *name) {
  if (change.scope == Scope::function)
    return nullptr;
  ContextArena arena;
  for (const Place &place : places_below(change, arena))
    if (const char *value = stored_setting(place.database, place.role, name); value != nullptr)
      return value;
  return file_setting(name, change.scope == Scope::cluster ? File::others : File::any);
}

// What counts before the change: what is stored where the change would store something, or else what is below.
const char *value_before(const Change &change, const char *name) {
  const char *there = nullptr;
  if (change.scope == Scope::cluster)
    there = file_setting(name, File::alter_system);
  else if (change.scope != Scope::function)
    there = stored_setting(change.database, change.role, name);
  return there != nullptr ? there : value_below(change, name);
}

struct Mode {
  const char *name;
  GuardMode mode;
};
constexpr Mode modes[] = {{"enforce", GuardMode::enforce},
                          {"warn", GuardMode::warn},
                          {"observe", GuardMode::observe},
                          {"off", GuardMode::off}};

GuardMode mode_named(const char *name) {
  for (const Mode &row : modes)
    if (name != nullptr && pg_strcasecmp(name, row.name) == 0)
      return row.mode;
  return GuardMode::enforce; // the default, and whatever PostgreSQL refuses
}

bool is_off(const char *value) {
  bool on = true;
  return value != nullptr && parse_bool(value, &on) && !on;
}

bool lowers_mode(const char *before, const char *after) { return mode_named(after) > mode_named(before); }

bool switches_off(const char *before, const char *after) { return is_off(after) && !is_off(before); }

bool narrows(const char *before, const char *after, const char *all) {
  return after != nullptr && strcmp(after, all) != 0 && (before == nullptr || strcmp(before, after) != 0);
}

bool ends_protection(const char *before, const char *after) { return narrows(before, after, "*"); }

bool ends_sensors(const char *before, const char *after) { return narrows(before, after, "all"); }

bool unloads(const char *before, const char *after) {
  return !lists_guard_library(after) && lists_guard_library(before);
}

struct GuardedSetting {
  const char *name;
  bool (*weakens)(const char *before, const char *after); // null: nobody has set it
};

constexpr GuardedSetting guarded_settings[] = {
    {"schema_guard.mode", lowers_mode},
    {"schema_guard.four_eyes", switches_off},
    {"schema_guard.protect_databases", ends_protection},
    {"schema_guard.debug_sensors", ends_sensors},
    {"session_preload_libraries", unloads},
    {"shared_preload_libraries", unloads},
    {"event_triggers", switches_off}, // since PostgreSQL 17
};

const GuardedSetting *find_guarded(const char *name) {
  for (const GuardedSetting &row : guarded_settings)
    if (name != nullptr && pg_strcasecmp(name, row.name) == 0)
      return &row;
  return nullptr;
}

SettingChange identified(const char *identity) {
  const char *digest = sha256_hexadecimal(identity);
  unsigned int high = 0;
  unsigned int low = 0;
  (void)sscanf(digest, "%8x%8x", &high, &low);
  return {{DbRoleSettingRelationId, Max(high, 1U), static_cast<int32>(low & INT32_MAX)}, identity};
}

bool may_set(const Change &change, const char *name) {
  const AclMode privilege = change.scope == Scope::cluster ? ACL_ALTER_SYSTEM : ACL_SET;
  return superuser() || pg_parameter_aclcheck(name, GetUserId(), privilege) == ACLCHECK_OK;
}

const char *place_of(const Change &change) {
  const char *role = OidIsValid(change.role) ? quote_identifier(GetUserNameFromId(change.role, false)) : nullptr;
  const char *database = OidIsValid(change.database) ? quote_identifier(get_database_name(change.database)) : nullptr;
  if (change.scope == Scope::cluster)
    return "of the cluster";
  if (change.scope == Scope::database)
    return psprintf("of database %s", database);
  if (change.scope == Scope::function)
    return "of a function";
  const char *who = role == nullptr ? "of all roles" : psprintf("of role %s", role);
  return database == nullptr ? who : psprintf("%s in database %s", who, database);
}

// Whether any of the settings that the change is about comes out weaker.
bool weakens(const Change &change) {
  for (const GuardedSetting &row : guarded_settings) {
    if (change.set->kind != VAR_RESET_ALL && find_guarded(change.set->name) != &row)
      continue;
    const char *after = is_reset(change) ? value_below(change, row.name)
                                         : ExtractSetVariableArgs(const_cast<VariableSetStmt *>(change.set));
    if (may_set(change, row.name) && row.weakens(value_before(change, row.name), after))
      return true;
  }
  return false;
}

const char *text_of(const VariableSetStmt *set) {
  if (set->kind == VAR_RESET_ALL)
    return "all, reset,";
  const char *value = set->kind == VAR_RESET || set->kind == VAR_SET_DEFAULT
                          ? nullptr
                          : ExtractSetVariableArgs(const_cast<VariableSetStmt *>(set));
  return value == nullptr ? psprintf("%s, reset,", set->name) : psprintf("%s = %s", set->name, value);
}

std::optional<SettingChange> judge(const Change &change) {
  if (!weakens(change))
    return std::nullopt;
  const char *identity = psprintf("%s %s", text_of(change.set), place_of(change));
  return identified(identity);
}

// The SET clauses of CREATE and ALTER FUNCTION: for every caller, whoever that is.
std::optional<SettingChange> judge_clauses(const List *options) {
  const ListCell *cell = nullptr;
  foreach (cell, options) {
    const auto *option = static_cast<const DefElem *>(lfirst(cell));
    if (option->arg == nullptr || !IsA(option->arg, VariableSetStmt))
      continue;
    const Change change{.scope = Scope::function, .set = castNode(VariableSetStmt, option->arg)};
    if (is_reset(change) || find_guarded(change.set->name) == nullptr)
      continue;
    if (const auto judged = judge(change); judged)
      return judged;
  }
  return std::nullopt;
}

const char *grantees_of(const GrantStmt *grant) {
  StringInfoData names;
  initStringInfo(&names);
  const ListCell *cell = nullptr;
  foreach (cell, grant->grantees) {
    const auto *role = static_cast<const RoleSpec *>(lfirst(cell));
    appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
                     role->roletype == ROLESPEC_PUBLIC ? "PUBLIC" : quote_identifier(get_rolespec_name(role)));
  }
  return names.data;
}

const char *privileges_of(const GrantStmt *grant) {
  if (grant->privileges == NIL)
    return "ALL";
  StringInfoData names;
  initStringInfo(&names);
  const ListCell *cell = nullptr;
  foreach (cell, grant->privileges)
    appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
                     static_cast<const AccessPriv *>(lfirst(cell))->priv_name);
  return names.data;
}

std::optional<SettingChange> judge_privilege(const GrantStmt *grant) {
  if (!grant->is_grant || !superuser())
    return std::nullopt;
  StringInfoData parameters;
  initStringInfo(&parameters);
  bool any_guarded = false;
  const ListCell *cell = nullptr;
  foreach (cell, grant->objects) {
    const char *name = strVal(lfirst(cell));
    any_guarded |= find_guarded(name) != nullptr;
    appendStringInfo(&parameters, "%s%s", parameters.len > 0 ? ", " : "", name);
  }
  if (!any_guarded)
    return std::nullopt;
  const char *identity = psprintf("%s on parameter %s for %s%s", privileges_of(grant), parameters.data,
                                  grantees_of(grant), grant->grant_option ? " with grant option" : "");
  return identified(identity);
}

// AlterRoleSet (commands/user.c). ALTER ROLE ALL takes a superuser or the database's owner.
bool may_alter_role(Oid role) {
  return superuser() || role == GetUserId() || (OidIsValid(role) && has_createrole_privilege(GetUserId()));
}

std::optional<SettingChange> judge_role(const AlterRoleSetStmt *alter) {
  Change change{.scope = Scope::role, .set = alter->setstmt};
  if (alter->role != nullptr) {
    change.role = get_rolespec_oid(alter->role, true);
    if (!OidIsValid(change.role) || !may_alter_role(change.role))
      return std::nullopt;
  }
  if (alter->database != nullptr) {
    change.database = get_database_oid(alter->database, true);
    if (!OidIsValid(change.database))
      return std::nullopt;
  }
  return judge(change);
}

std::optional<SettingChange> judge_database(const AlterDatabaseSetStmt *alter) {
  const Oid database = get_database_oid(alter->dbname, true);
  if (!OidIsValid(database) || !compat::owns_database(database, GetUserId()))
    return std::nullopt;
  return judge({.scope = Scope::database, .database = database, .set = alter->setstmt});
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

std::optional<SettingChange> weakening_change(const Node *statement) {
  switch (nodeTag(statement)) {
  case T_AlterSystemStmt:
    return judge({.scope = Scope::cluster, .set = stored_clause(statement)});
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
    return std::nullopt;
  }
}

bool names_guarded_setting(const Node *statement) {
  const VariableSetStmt *clause = stored_clause(statement);
  return clause != nullptr && (clause->kind == VAR_RESET_ALL || find_guarded(clause->name) != nullptr);
}

} // namespace schema_guard
