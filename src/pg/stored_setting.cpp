#include "pg/stored_setting.hpp"

#include "pg/compat.hpp"
#include "pg/digest.hpp"
#include "pg/guarded_setting.hpp"
#include "pg/memory.hpp"
#include "pg/setting_catalog.hpp"

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

// A place where settings are stored, by PostgreSQL's key for it.
struct Place {
  Oid database;
  Oid role;
};

// For a role in every database.
bool is_everywhere(const Change &change) {
  return change.scope == Scope::role && OidIsValid(change.role) && !OidIsValid(change.database);
}

// The places that the change's own goes before, in this order (process_settings in utils/init/postinit.c), and then the
// server's files. For a role everywhere, as this database has it.
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

const char *value_below(const Change &change, const char *name, Arena &arena) {
  if (change.scope == Scope::function)
    return nullptr;
  for (const Place &place : places_below(change, arena))
    if (const char *value = stored_setting(place.database, place.role, name); value != nullptr)
      return value;
  return file_setting(name, change.scope == Scope::cluster ? SettingFile::others : SettingFile::any);
}

// What counts without the change's own: a null for nothing. A role everywhere has as many as there are databases.
Vector<const char *> values_below(const Change &change, const char *name, Arena &arena) {
  Vector<const char *> result(arena);
  if (is_everywhere(change))
    settings_of_databases(name, result);
  result.push_back(value_below(change, name, arena));
  return result;
}

// What counts before the change: what is stored where the change would store something, or else what is below.
Vector<const char *> values_before(const Change &change, const char *name, Arena &arena) {
  const char *there = nullptr;
  if (change.scope == Scope::cluster)
    there = file_setting(name, SettingFile::alter_system);
  else if (change.scope != Scope::function)
    there = stored_setting(change.database, change.role, name);
  if (there == nullptr)
    return values_below(change, name, arena);
  Vector<const char *> result(arena);
  result.push_back(there);
  return result;
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

bool weakens(const Change &change, const GuardedSetting &setting) {
  ContextArena arena;
  Vector<const char *> after(arena);
  if (is_reset(change))
    after = values_below(change, setting.name, arena);
  else
    after.push_back(ExtractSetVariableArgs(const_cast<VariableSetStmt *>(change.set)));
  const Vector<const char *> before = values_before(change, setting.name, arena);
  for (const char *was : before)
    for (const char *is : after)
      if (setting.weakens(was, is))
        return true;
  return false;
}

// Whether any of the settings that the change is about comes out weaker.
bool weakens(const Change &change) {
  for (const GuardedSetting &row : guarded_settings()) {
    if (change.set->kind != VAR_RESET_ALL && find_guarded_setting(change.set->name) != &row)
      continue;
    if (may_set(change, row.name) && weakens(change, row))
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
    if (is_reset(change) || find_guarded_setting(change.set->name) == nullptr)
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
    any_guarded |= find_guarded_setting(name) != nullptr;
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
  if (!OidIsValid(database) || !compat::owns(DatabaseRelationId, database, GetUserId()))
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
  return clause != nullptr && (clause->kind == VAR_RESET_ALL || find_guarded_setting(clause->name) != nullptr);
}

} // namespace schema_guard
