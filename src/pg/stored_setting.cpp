#include "pg/stored_setting.hpp"

#include "pg/compat.hpp"
#include "pg/digest.hpp"
#include "pg/function_definition.hpp"
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

// What the server's files say, whatever is stored on top of it for this session's database and role; null if nothing.
const char *file_setting(const char *name, bool only_alter_system) {
  GuardQuery query = GuardQuery::open();
  query.execute(R"(
SELECT setting FROM pg_catalog.pg_file_settings
 WHERE name = $1 AND applied AND ($2 = 0 OR sourcefile ~ 'postgresql\.auto\.conf$') ORDER BY seqno DESC LIMIT 1)",
                {text_argument(name), bigint_argument(only_alter_system ? 1 : 0)});
  const MemoryContext context = CurrentMemoryContext;
  const char *found = query.rows() == 0 ? nullptr : query.text(0, 1, context);
  const char *result = found == nullptr ? nullptr : MemoryContextStrdup(TopTransactionContext, found);
  query.close();
  return result;
}

// What is stored where the change would store something.
const char *value_there(const Change &change, const char *name) {
  if (change.scope == Scope::cluster)
    return file_setting(name, is_reset(change));
  return change.scope == Scope::function ? nullptr : stored_setting(change.database, change.role, name);
}

// What sessions of this database get that the change would take from them: stored there or, for a SET, in a place
// that what is stored there would override.
const char *libraries_there(const Change &change, const char *name) {
  const char *there = value_there(change, name);
  if (there != nullptr || is_reset(change) || change.scope == Scope::cluster || change.scope == Scope::function)
    return there;
  const bool here = !OidIsValid(change.database) || change.database == MyDatabaseId;
  for (const Oid database : {MyDatabaseId, Oid{InvalidOid}})
    if (const char *below = stored_setting(database, InvalidOid, name);
        below != nullptr && (here || !OidIsValid(database)) && (change.scope == Scope::role || !OidIsValid(database)))
      return below;
  return file_setting(name, false);
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

bool lowers_mode(const Change &change, const char *name, const char *value) {
  return mode_named(value) > mode_named(value_there(change, name));
}

bool switches_off(const Change &change, const char *name, const char *value) {
  return is_off(value) && !is_off(value_there(change, name));
}

bool narrows(const Change &change, const char *name, const char *value, const char *all) {
  const char *there = value_there(change, name);
  return value != nullptr && strcmp(value, all) != 0 && (there == nullptr || strcmp(value, there) != 0);
}

bool ends_protection(const Change &change, const char *name, const char *value) {
  return narrows(change, name, value, "*");
}

bool ends_sensors(const Change &change, const char *name, const char *value) {
  return narrows(change, name, value, "all");
}

bool unloads(const Change &change, const char *name, const char *value) {
  return !lists_guard_library(value) && lists_guard_library(libraries_there(change, name));
}

struct GuardedSetting {
  const char *name;
  bool (*weakens)(const Change &change, const char *name, const char *value); // null: it is reset
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

SettingChange identified(const char *identity, const char *all_of_it) {
  const char *digest = sha256_hexadecimal(all_of_it);
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

std::optional<SettingChange> judge(const Change &change, const Node *statement) {
  for (const GuardedSetting &row : guarded_settings) {
    const bool all = change.set->kind == VAR_RESET_ALL;
    if (!all && find_guarded(change.set->name) != &row)
      continue;
    const char *value = is_reset(change) ? nullptr : ExtractSetVariableArgs(const_cast<VariableSetStmt *>(change.set));
    if (!may_set(change, row.name) || !row.weakens(change, row.name, value))
      continue;
    const char *what = value == nullptr ? psprintf("%s, reset,", row.name) : psprintf("%s = %s", row.name, value);
    const char *identity = psprintf("%s %s", what, place_of(change));
    // Of a function everything counts, since whoever calls it gets the setting.
    return identified(identity, change.scope == Scope::function
                                    ? psprintf("%s %s", identity, function_definition(statement))
                                    : identity);
  }
  return std::nullopt;
}

// The SET clauses of CREATE and ALTER FUNCTION: for every caller, whoever that is.
std::optional<SettingChange> judge_clauses(const List *options, const Node *statement) {
  const ListCell *cell = nullptr;
  foreach (cell, options) {
    const auto *option = static_cast<const DefElem *>(lfirst(cell));
    if (option->arg == nullptr || !IsA(option->arg, VariableSetStmt))
      continue;
    const Change change{.scope = Scope::function, .set = castNode(VariableSetStmt, option->arg)};
    if (is_reset(change) || find_guarded(change.set->name) == nullptr)
      continue;
    if (const auto judged = judge(change, statement); judged)
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
  const ListCell *cell = nullptr;
  foreach (cell, grant->objects) {
    const GuardedSetting *row = find_guarded(strVal(lfirst(cell)));
    if (row == nullptr)
      continue;
    const char *identity = psprintf("%s on parameter %s for %s%s", privileges_of(grant), row->name, grantees_of(grant),
                                    grant->grant_option ? " with grant option" : "");
    return identified(identity, identity);
  }
  return std::nullopt;
}

std::optional<SettingChange> judge_role(const AlterRoleSetStmt *alter) {
  Change change{.scope = Scope::role, .set = alter->setstmt};
  if (alter->role != nullptr) {
    change.role = get_rolespec_oid(alter->role, true);
    if (!OidIsValid(change.role))
      return std::nullopt;
  }
  if (alter->database != nullptr) {
    change.database = get_database_oid(alter->database, true);
    if (!OidIsValid(change.database))
      return std::nullopt;
  }
  return judge(change, nullptr);
}

std::optional<SettingChange> judge_database(const AlterDatabaseSetStmt *alter) {
  const Oid database = get_database_oid(alter->dbname, true);
  if (!OidIsValid(database) || !compat::owns_database(database, GetUserId()))
    return std::nullopt;
  return judge({.scope = Scope::database, .database = database, .set = alter->setstmt}, nullptr);
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
    return judge({.scope = Scope::cluster, .set = stored_clause(statement)}, nullptr);
  case T_AlterDatabaseSetStmt:
    return judge_database(reinterpret_cast<const AlterDatabaseSetStmt *>(statement));
  case T_AlterRoleSetStmt:
    return judge_role(reinterpret_cast<const AlterRoleSetStmt *>(statement));
  case T_CreateFunctionStmt:
    return judge_clauses(reinterpret_cast<const CreateFunctionStmt *>(statement)->options, statement);
  case T_AlterFunctionStmt:
    return judge_clauses(reinterpret_cast<const AlterFunctionStmt *>(statement)->actions, statement);
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
