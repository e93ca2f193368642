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
  if (command.verb == Verb::drop)
    return;
  command.verb = Verb::change_guard;
  command.targets.push_back({.object_type = OBJECT_TABLE, .node = alter->relation, .missing_ok = true});
}

// Statements that change a relation in other ways; they matter if the relation is the guard's own.
template <typename Statement, RangeVar *Statement::*relation>
void parse_change(const Node *statement, Command &command) {
  const RangeVar *range = reinterpret_cast<const Statement *>(statement)->*relation;
  if (range == nullptr)
    return;
  command.verb = Verb::change_guard;
  command.targets.push_back({.object_type = OBJECT_TABLE, .node = range, .missing_ok = true});
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
    {T_RenameStmt, parse_change<RenameStmt, &RenameStmt::relation>},
    {T_AlterObjectSchemaStmt, parse_change<AlterObjectSchemaStmt, &AlterObjectSchemaStmt::relation>},
};

constexpr NodeTag secret_statements[] = {
    T_CreateUserMappingStmt,  T_AlterUserMappingStmt,  T_CreateForeignServerStmt, T_AlterForeignServerStmt,
    T_CreateSubscriptionStmt, T_AlterSubscriptionStmt, T_CreateFdwStmt,           T_AlterFdwStmt,
    T_CreateForeignTableStmt, T_CreateRoleStmt,        T_AlterRoleStmt,           T_AlterRoleSetStmt,
    T_AlterDatabaseSetStmt,   T_AlterSystemStmt,       T_VariableSetStmt,
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
  return false;
}

} // namespace schema_guard
