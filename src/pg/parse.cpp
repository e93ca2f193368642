#include "pg/parse.hpp"

extern "C" {
#include "nodes/pg_list.h"
#include "nodes/value.h"
#include "tcop/utility.h"
}

namespace schema_guard {

namespace {

void parse_drop(const Node *statement, Command &command) {
  const auto *drop = reinterpret_cast<const DropStmt *>(statement);
  command.verb = Verb::drop;
  command.cascade = drop->behavior == DROP_CASCADE;
  const ListCell *cell = nullptr;
  foreach (cell, drop->objects)
    command.targets.push_back({.object_type = drop->removeType, .node = lfirst(cell), .missing_ok = drop->missing_ok});
}

void parse_drop_owned(const Node *statement, Command &command) {
  const auto *drop = reinterpret_cast<const DropOwnedStmt *>(statement);
  command.verb = Verb::drop_owned;
  command.cascade = drop->behavior == DROP_CASCADE;
  const ListCell *cell = nullptr;
  foreach (cell, drop->roles)
    command.targets.push_back({.object_type = OBJECT_ROLE, .node = lfirst(cell)});
}

void change_object(Command &command, int object_type, const void *node) {
  if (node != nullptr)
    command.targets.push_back({.object_type = object_type, .node = node, .missing_ok = true, .changed = true});
}

// The subcommands of ALTER TABLE, ALTER TYPE and so on that drop something.
struct DroppingSubcommand {
  AlterTableType subtype;
  ObjectType member;
};

constexpr DroppingSubcommand dropping_subcommands[] = {
    {AT_DropColumn, OBJECT_COLUMN},
    {AT_DropConstraint, OBJECT_TABCONSTRAINT},
};

void parse_alter_table(const Node *statement, Command &command) {
  const auto *alter = reinterpret_cast<const AlterTableStmt *>(statement);
  const ListCell *cell = nullptr;
  foreach (cell, alter->cmds) {
    const auto *subcommand = static_cast<const AlterTableCmd *>(lfirst(cell));
    for (const DroppingSubcommand &row : dropping_subcommands) {
      if (subcommand->subtype != row.subtype)
        continue;
      command.verb = Verb::drop;
      command.cascade |= subcommand->behavior == DROP_CASCADE;
      command.targets.push_back(
          {.object_type = row.member,
           .node = alter->relation,
           .member = subcommand->name,
           .missing_ok = subcommand->missing_ok || alter->missing_ok,
           // Tables typed by a composite type follow its CASCADE; ONLY stops inheritance.
           .recurse = alter->objtype == OBJECT_TYPE ? subcommand->behavior == DROP_CASCADE : alter->relation->inh});
    }
  }
  change_object(command, OBJECT_TABLE, alter->relation);
  foreach (cell, alter->cmds) {
    const auto *subcommand = static_cast<const AlterTableCmd *>(lfirst(cell));
    if (subcommand->subtype == AT_AddInherit || subcommand->subtype == AT_AttachPartition)
      change_object(command, OBJECT_TABLE,
                    subcommand->subtype == AT_AddInherit
                        ? subcommand->def
                        : reinterpret_cast<Node *>(reinterpret_cast<PartitionCmd *>(subcommand->def)->name));
  }
}

// Statements that change a relation in other ways; they matter if the relation is the guard's own.
template <typename Statement, RangeVar *Statement::*relation>
void parse_change(const Node *statement, Command &command) {
  const RangeVar *range = reinterpret_cast<const Statement *>(statement)->*relation;
  change_object(command, OBJECT_TABLE, range);
}

// A schema is named by a plain string, here and there.
void change_schema(Command &command, const char *name) {
  if (name != nullptr)
    change_object(command, OBJECT_SCHEMA, makeString(pstrdup(name)));
}

void parse_rename(const Node *statement, Command &command) {
  const auto *rename = reinterpret_cast<const RenameStmt *>(statement);
  if (rename->relation != nullptr)
    change_object(command, OBJECT_TABLE, rename->relation);
  else if (rename->renameType == OBJECT_SCHEMA)
    change_schema(command, rename->subname);
  else
    change_object(command, rename->renameType, rename->object);
}

void parse_move(const Node *statement, Command &command) {
  const auto *move = reinterpret_cast<const AlterObjectSchemaStmt *>(statement);
  if (move->relation != nullptr)
    change_object(command, OBJECT_TABLE, move->relation);
  else
    change_object(command, move->objectType, move->object);
}

void parse_owner(const Node *statement, Command &command) {
  const auto *owner = reinterpret_cast<const AlterOwnerStmt *>(statement);
  change_object(command, owner->objectType, owner->object);
}

// ALTER … DEPENDS ON EXTENSION: the object would go with that extension.
void parse_depends(const Node *statement, Command &command) {
  const auto *depends = reinterpret_cast<const AlterObjectDependsStmt *>(statement);
  if (depends->relation != nullptr)
    change_object(command, OBJECT_TABLE, depends->relation);
  else
    change_object(command, depends->objectType, depends->object);
}

void parse_extension_contents(const Node *statement, Command &command) {
  const auto *contents = reinterpret_cast<const AlterExtensionContentsStmt *>(statement);
  change_object(command, OBJECT_EXTENSION, makeString(contents->extname));
}

void parse_alter_function(const Node *statement, Command &command) {
  const auto *alter = reinterpret_cast<const AlterFunctionStmt *>(statement);
  change_object(command, alter->objtype, alter->func);
}

// A new function in the guard's schema, or one that takes the place of the guard's own.
void parse_create_function(const Node *statement, Command &command) {
  const auto *create = reinterpret_cast<const CreateFunctionStmt *>(statement);
  change_object(command, OBJECT_SCHEMA, create->funcname);
}

// A child's rows would show among its parent's.
void parse_create_table(const Node *statement, Command &command) {
  const auto *create = reinterpret_cast<const CreateStmt *>(statement);
  const ListCell *cell = nullptr;
  foreach (cell, create->inhRelations)
    change_object(command, OBJECT_TABLE, lfirst(cell));
}

struct StatementKind {
  NodeTag tag;
  void (*parse)(const Node *statement, Command &command);
};

constexpr StatementKind statement_kinds[] = {
    {T_DropStmt, parse_drop},
    {T_DropOwnedStmt, parse_drop_owned},
    {T_AlterTableStmt, parse_alter_table},
    {T_CreateTrigStmt, parse_change<CreateTrigStmt, &CreateTrigStmt::relation>},
    {T_RuleStmt, parse_change<RuleStmt, &RuleStmt::relation>},
    {T_CreatePolicyStmt, parse_change<CreatePolicyStmt, &CreatePolicyStmt::table>},
    {T_AlterPolicyStmt, parse_change<AlterPolicyStmt, &AlterPolicyStmt::table>},
    {T_IndexStmt, parse_change<IndexStmt, &IndexStmt::relation>},
    {T_RenameStmt, parse_rename},
    {T_AlterObjectSchemaStmt, parse_move},
    {T_AlterOwnerStmt, parse_owner},
    {T_AlterObjectDependsStmt, parse_depends},
    {T_AlterExtensionContentsStmt, parse_extension_contents},
    {T_AlterFunctionStmt, parse_alter_function},
    {T_CreateFunctionStmt, parse_create_function},
    {T_CreateStmt, parse_create_table},
    {T_CreateForeignTableStmt, parse_create_table}, // begins with a CreateStmt
    {T_ViewStmt, parse_change<ViewStmt, &ViewStmt::view>},
    {T_AlterSeqStmt, parse_change<AlterSeqStmt, &AlterSeqStmt::sequence>},
};

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
    T_AlterRoleSetStmt,        T_AlterDatabaseSetStmt,   T_AlterSystemStmt,
    T_VariableSetStmt,
};

} // namespace

Command parse_command(const Node *statement, Arena &arena) {
  Command command(arena, command_tag(statement));
  for (const StatementKind &kind : statement_kinds)
    if (nodeTag(statement) == kind.tag)
      kind.parse(statement, command);
  return command;
}

std::string_view command_tag(const Node *statement) { return CreateCommandName(const_cast<Node *>(statement)); }

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
  default:
    return false;
  }
}

} // namespace schema_guard
