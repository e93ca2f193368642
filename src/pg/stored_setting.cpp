#include "pg/stored_setting.hpp"

#include "pg/compat.hpp"
#include "pg/digest.hpp"
#include "pg/extension.hpp"
#include "pg/guarded_setting.hpp"
#include "pg/memory.hpp"
#include "pg/setting_catalog.hpp"

extern "C" {
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_parameter_acl.h"
#include "catalog/pg_proc.h"
#include "commands/dbcommands.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "parser/parse_type.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
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

// For a role in every database.
bool is_everywhere(const Change &change) {
  return change.scope == Scope::role && OidIsValid(change.role) && !OidIsValid(change.database);
}

// What is stored where the change would store something; null if nothing.
const char *value_there(const Change &change, const char *name) {
  if (change.scope == Scope::function)
    return nullptr;
  return change.scope == Scope::cluster ? server_setting(name, ServerSource::alter_system)
                                        : stored_setting(change.database, change.role, name);
}

// What counts where the change's own is not stored: the places that it goes before, in this order (process_settings in
// utils/init/postinit.c), and then what the server has.
const char *value_below(const Change &change, const char *name) {
  if (change.scope == Scope::function)
    return nullptr;
  if (change.scope == Scope::cluster)
    return server_setting(name, ServerSource::files);
  const char *value = nullptr;
  if (OidIsValid(change.database) && OidIsValid(change.role)) {
    value = stored_setting(InvalidOid, change.role, name);
    if (value == nullptr)
      value = stored_setting(change.database, InvalidOid, name);
  }
  if (value == nullptr && (OidIsValid(change.database) || OidIsValid(change.role)))
    value = stored_setting(InvalidOid, InvalidOid, name);
  return value == nullptr ? server_setting(name) : value;
}

// One for each place where that differs: a role's goes before what every database has, and before what those have for
// which nothing is stored.
Vector<const char *> values_below(const Change &change, const char *name, Arena &arena) {
  Vector<const char *> result(arena);
  if (is_everywhere(change))
    settings_of_databases(name, result);
  result.push_back(value_below(change, name));
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
  const char *who = role == nullptr ? "of all roles" : psprintf("of role %s", role);
  return database == nullptr ? who : psprintf("%s in database %s", who, database);
}

bool weakens(const Change &change, const GuardedSetting &setting) {
  ContextArena arena;
  const bool reset = is_reset(change);
  const char *wanted = reset ? nullptr : ExtractSetVariableArgs(const_cast<VariableSetStmt *>(change.set));
  const char *there = value_there(change, setting.name);
  for (const char *below : values_below(change, setting.name, arena))
    if (setting.weakens(there == nullptr ? below : there, reset ? below : wanted))
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

// A database that the guard is not in, or no longer, may have what it likes for itself.
bool is_of_nobodys_concern(const Change &change) {
  return OidIsValid(change.database) && change.database == MyDatabaseId && guard_objects() == nullptr;
}

std::optional<SettingChange> judge(const Change &change) {
  if (is_of_nobodys_concern(change) || !weakens(change))
    return std::nullopt;
  const char *identity = psprintf("%s %s", text_of(change.set), place_of(change));
  return identified(identity);
}

// The schema in which CREATE FUNCTION would make it; invalid if it may not.
Oid creation_schema(const char *name) {
  const List *path = name == nullptr ? fetch_search_path(false) : NIL;
  const Oid schema = name != nullptr ? get_namespace_oid(name, true) : path != NIL ? linitial_oid(path) : InvalidOid;
  return OidIsValid(schema) && compat::has_schema_privilege(schema, GetUserId(), ACL_CREATE) ? schema : InvalidOid;
}

// As getObjectIdentity() has it for those that exist.
const char *new_function(const CreateFunctionStmt *create) {
  char *schema_name = nullptr;
  char *name = nullptr;
  DeconstructQualifiedName(create->funcname, &schema_name, &name);
  const Oid schema = creation_schema(schema_name);
  if (!OidIsValid(schema))
    return nullptr;
  StringInfoData text;
  initStringInfo(&text);
  appendStringInfo(&text, "%s %s(", create->is_procedure ? "procedure" : "function",
                   quote_qualified_identifier(get_namespace_name(schema), name));
  const char *separator = "";
  const ListCell *cell = nullptr;
  foreach (cell, create->parameters) {
    const auto *parameter = static_cast<const FunctionParameter *>(lfirst(cell));
    if (parameter->mode == FUNC_PARAM_OUT || parameter->mode == FUNC_PARAM_TABLE)
      continue;
    const Oid type = parameter->argType->pct_type ? InvalidOid : LookupTypeNameOid(nullptr, parameter->argType, true);
    appendStringInfo(&text, "%s%s", separator,
                     OidIsValid(type) ? format_type_be_qualified(type) : TypeNameToString(parameter->argType));
    separator = ",";
  }
  appendStringInfoChar(&text, ')');
  return text.data;
}

const char *existing_function(const AlterFunctionStmt *alter) {
  const Oid function = LookupFuncWithArgs(alter->objtype, alter->func, true);
  if (!OidIsValid(function) || !compat::owns(ProcedureRelationId, function, GetUserId()))
    return nullptr;
  const ::ObjectAddress address{ProcedureRelationId, function, 0};
  return psprintf("%s %s", getObjectTypeDescription(&address, true), getObjectIdentity(&address, true));
}

// CREATE and ALTER FUNCTION: for every caller, whoever that is.
std::optional<SettingChange> judge_function(const Node *statement) {
  const List *clauses = stored_clauses(statement);
  const ListCell *cell = nullptr;
  foreach (cell, clauses) {
    const Change change{.scope = Scope::function, .set = static_cast<const VariableSetStmt *>(lfirst(cell))};
    if (is_reset(change) || !weakens(change))
      continue;
    // Null if PostgreSQL does not let the role do it.
    const char *function = IsA(statement, CreateFunctionStmt)
                               ? new_function(reinterpret_cast<const CreateFunctionStmt *>(statement))
                               : existing_function(reinterpret_cast<const AlterFunctionStmt *>(statement));
    if (function == nullptr)
      return std::nullopt;
    return identified(psprintf("%s of %s", text_of(change.set), function));
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

// AlterRoleSet (commands/user.c), and check_rolespec_name (utils/adt/acl.c) for PostgreSQL's own roles.
bool may_alter_role(const RoleSpec *name, Oid role) {
  if (name->roletype == ROLESPEC_CSTRING && IsReservedName(name->rolename))
    return false;
  if (superuser_arg(role))
    return superuser();
  return role == GetUserId() || compat::may_alter_as_createrole(GetUserId(), role);
}

// The same for ALTER ROLE ALL.
bool may_alter_all_roles(Oid database) {
  return OidIsValid(database) ? compat::owns(DatabaseRelationId, database, GetUserId()) : superuser();
}

std::optional<SettingChange> judge_role(const AlterRoleSetStmt *alter) {
  Change change{.scope = Scope::role, .set = alter->setstmt};
  if (alter->database != nullptr) {
    change.database = get_database_oid(alter->database, true);
    if (!OidIsValid(change.database))
      return std::nullopt;
  }
  if (alter->role != nullptr) {
    change.role = get_rolespec_oid(alter->role, true);
    if (!OidIsValid(change.role))
      return std::nullopt;
  }
  if (alter->role == nullptr ? !may_alter_all_roles(change.database) : !may_alter_role(alter->role, change.role))
    return std::nullopt;
  return judge(change);
}

std::optional<SettingChange> judge_database(const AlterDatabaseSetStmt *alter) {
  const Oid database = get_database_oid(alter->dbname, true);
  if (!OidIsValid(database) || !compat::owns(DatabaseRelationId, database, GetUserId()))
    return std::nullopt;
  return judge({.scope = Scope::database, .database = database, .set = alter->setstmt});
}

// Among a function's options.
List *clauses_among(const List *options) {
  List *clauses = NIL;
  const ListCell *cell = nullptr;
  foreach (cell, options)
    if (Node *value = static_cast<DefElem *>(lfirst(cell))->arg; value != nullptr && IsA(value, VariableSetStmt))
      clauses = lappend(clauses, value);
  return clauses;
}

} // namespace

List *stored_clauses(const Node *statement) {
  switch (nodeTag(statement)) {
  case T_AlterSystemStmt:
    return list_make1(reinterpret_cast<const AlterSystemStmt *>(statement)->setstmt);
  case T_AlterDatabaseSetStmt:
    return list_make1(reinterpret_cast<const AlterDatabaseSetStmt *>(statement)->setstmt);
  case T_AlterRoleSetStmt:
    return list_make1(reinterpret_cast<const AlterRoleSetStmt *>(statement)->setstmt);
  case T_CreateFunctionStmt:
    return clauses_among(reinterpret_cast<const CreateFunctionStmt *>(statement)->options);
  case T_AlterFunctionStmt:
    return clauses_among(reinterpret_cast<const AlterFunctionStmt *>(statement)->actions);
  default:
    return NIL;
  }
}

std::optional<SettingChange> weakening_change(const Node *statement) {
  switch (nodeTag(statement)) {
  case T_AlterSystemStmt:
    return judge({.scope = Scope::cluster, .set = reinterpret_cast<const AlterSystemStmt *>(statement)->setstmt});
  case T_AlterDatabaseSetStmt:
    return judge_database(reinterpret_cast<const AlterDatabaseSetStmt *>(statement));
  case T_AlterRoleSetStmt:
    return judge_role(reinterpret_cast<const AlterRoleSetStmt *>(statement));
  case T_CreateFunctionStmt:
  case T_AlterFunctionStmt:
    return judge_function(statement);
  case T_GrantStmt:
    return judge_privilege(reinterpret_cast<const GrantStmt *>(statement));
  default:
    return std::nullopt;
  }
}

} // namespace schema_guard
