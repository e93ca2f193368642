#include "pg/secret.hpp"

#include "pg/stored_setting.hpp"

extern "C" {
#include "catalog/pg_authid.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_subscription.h"
#include "catalog/pg_user_mapping.h"
#include "nodes/pg_list.h"
}

namespace schema_guard {

namespace {

// OPTIONS of a foreign table, which ALTER TABLE can set as well.
bool sets_options(const AlterTableStmt *alter) {
  const ListCell *cell = nullptr;
  foreach (cell, alter->cmds) {
    const AlterTableType subtype = static_cast<const AlterTableCmd *>(lfirst(cell))->subtype;
    if (subtype == AT_GenericOptions || subtype == AT_AlterColumnGenericOptions)
      return true;
  }
  return false;
}

// CREATE or ALTER FUNCTION … SET schema_guard.approval_token
bool sets_token(const List *options) {
  const ListCell *cell = nullptr;
  foreach (cell, options) {
    const auto *option = static_cast<const DefElem *>(lfirst(cell));
    if (option->arg == nullptr || !IsA(option->arg, VariableSetStmt))
      continue;
    const char *name = castNode(VariableSetStmt, option->arg)->name;
    if (name != nullptr && pg_strcasecmp(name, "schema_guard.approval_token") == 0)
      return true;
  }
  return false;
}

constexpr NodeTag secret_statements[] = {
    T_ImportForeignSchemaStmt, T_CreateUserMappingStmt,  T_AlterUserMappingStmt,
    T_CreateForeignServerStmt, T_AlterForeignServerStmt, T_CreateSubscriptionStmt,
    T_AlterSubscriptionStmt,   T_CreateFdwStmt,          T_AlterFdwStmt,
    T_CreateForeignTableStmt,  T_CreateRoleStmt,         T_AlterRoleStmt,
    T_VariableSetStmt,
};

constexpr Oid secret_catalogs[] = {
    AuthIdRelationId,       UserMappingRelationId,  ForeignServerRelationId, ForeignDataWrapperRelationId,
    ForeignTableRelationId, SubscriptionRelationId, DbRoleSettingRelationId,
};

} // namespace

bool may_hold_secret(Oid catalog) {
  for (const Oid secret : secret_catalogs)
    if (catalog == secret)
      return true;
  return false;
}

bool may_hold_secret(const Node *statement) {
  for (const NodeTag tag : secret_statements)
    if (nodeTag(statement) == tag)
      return true;
  switch (nodeTag(statement)) {
  case T_AlterTableStmt:
    return sets_options(reinterpret_cast<const AlterTableStmt *>(statement));
  case T_CreateFunctionStmt:
    return sets_token(reinterpret_cast<const CreateFunctionStmt *>(statement)->options);
  case T_AlterFunctionStmt:
    return sets_token(reinterpret_cast<const AlterFunctionStmt *>(statement)->actions);
  // What the guard depends on is no secret; anything else may be.
  case T_AlterRoleSetStmt:
  case T_AlterDatabaseSetStmt:
  case T_AlterSystemStmt:
    return !names_guarded_setting(statement);
  default:
    return false;
  }
}

} // namespace schema_guard
