#include "pg/secret.hpp"

#include "pg/guarded_setting.hpp"
#include "pg/range.hpp"
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

// A function stores settings for its callers, of which only the token is a secret. Elsewhere anything may be one but
// what the guard depends on.
bool stores_secret(const Node *statement) {
  const bool of_function = IsA(statement, CreateFunctionStmt) || IsA(statement, AlterFunctionStmt);
  const List *clauses = stored_clauses(statement);
  const ListCell *cell = nullptr;
  foreach (cell, clauses) {
    const auto *clause = static_cast<const VariableSetStmt *>(lfirst(cell));
    if (clause->kind == VAR_RESET_ALL)
      continue;
    if (of_function ? pg_strcasecmp(clause->name, "schema_guard.approval_token") == 0
                    : find_guarded_setting(clause->name) == nullptr)
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

namespace {

// The program that COPY runs may have one on its command line.
bool fills_secret_catalog(const CopyStmt *copy) {
  return copy->is_from && may_hold_secret(relation_named(copy->relation));
}

} // namespace

bool may_hold_secret(const Node *statement) {
  for (const NodeTag tag : secret_statements)
    if (nodeTag(statement) == tag)
      return true;
  if (IsA(statement, AlterTableStmt))
    return sets_options(reinterpret_cast<const AlterTableStmt *>(statement));
  if (IsA(statement, CopyStmt))
    return fills_secret_catalog(reinterpret_cast<const CopyStmt *>(statement));
  return stores_secret(statement);
}

} // namespace schema_guard
