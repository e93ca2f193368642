#include "pg/parse_alter_table.hpp"

extern "C" {
#include "nodes/pg_list.h"
#include "nodes/value.h"
}

namespace schema_guard {

namespace {

// pg_catalog.timezone('UTC', …), which is what AT TIME ZONE 'UTC' is parsed to.
const Node *argument_at_utc(const FuncCall *call) {
  if (list_length(call->funcname) != 2 || list_length(call->args) != 2 ||
      strcmp(strVal(linitial(call->funcname)), "pg_catalog") != 0 ||
      strcmp(strVal(lsecond(call->funcname)), "timezone") != 0)
    return nullptr;
  const auto *zone = static_cast<const Node *>(linitial(call->args));
  if (!IsA(zone, A_Const))
    return nullptr;
  const auto *constant = reinterpret_cast<const A_Const *>(zone);
  const bool is_utc =
      !constant->isnull && IsA(&constant->val, String) && pg_strcasecmp(strVal(&constant->val), "UTC") == 0;
  return is_utc ? static_cast<const Node *>(lsecond(call->args)) : nullptr;
}

// The casts that lead from the column to the expression's value; false if there is anything else in it.
bool add_steps(const Node *expression, const char *column, Conversion &conversion) {
  check_stack_depth();
  switch (nodeTag(expression)) {
  case T_ColumnRef: {
    const auto *name = static_cast<const Node *>(llast(reinterpret_cast<const ColumnRef *>(expression)->fields));
    return IsA(name, String) && strcmp(strVal(name), column) == 0;
  }
  case T_TypeCast: {
    const auto *cast = reinterpret_cast<const TypeCast *>(expression);
    if (!add_steps(cast->arg, column, conversion))
      return false;
    conversion.steps.push_back({.type = cast->typeName, .is_explicit = true});
    return true;
  }
  case T_CollateClause:
    return add_steps(reinterpret_cast<const CollateClause *>(expression)->arg, column, conversion);
  case T_FuncCall: {
    const Node *argument = argument_at_utc(reinterpret_cast<const FuncCall *>(expression));
    if (argument == nullptr || !add_steps(argument, column, conversion))
      return false;
    conversion.steps.push_back({});
    return true;
  }
  default:
    return false;
  }
}

const Conversion *parse_conversion(const AlterTableCmd *subcommand, Arena &arena) {
  const auto *definition = reinterpret_cast<const ColumnDef *>(subcommand->def);
  auto *conversion = arena.make<Conversion>(arena);
  if (definition->raw_default != nullptr)
    conversion->of_the_column = add_steps(definition->raw_default, subcommand->name, *conversion);
  conversion->steps.push_back({.type = definition->typeName});
  return conversion;
}

Target member(Deed deed, const AlterTableStmt *alter, const AlterTableCmd *subcommand, ObjectType type) {
  return {.deed = deed,
          .object_type = type,
          .node = alter->relation,
          .member = subcommand->name,
          .missing_ok = subcommand->missing_ok || alter->missing_ok,
          // Tables typed by a composite type follow its CASCADE; ONLY stops inheritance.
          .recurse = alter->objtype == OBJECT_TYPE ? subcommand->behavior == DROP_CASCADE : alter->relation->inh};
}

void drop_column(const AlterTableStmt *alter, const AlterTableCmd *subcommand, Command &command) {
  command.cascade |= subcommand->behavior == DROP_CASCADE;
  command.targets.push_back(member(Deed::drop, alter, subcommand, OBJECT_COLUMN));
}

void drop_constraint(const AlterTableStmt *alter, const AlterTableCmd *subcommand, Command &command) {
  command.cascade |= subcommand->behavior == DROP_CASCADE;
  command.targets.push_back(member(Deed::drop, alter, subcommand, OBJECT_TABCONSTRAINT));
}

void convert_column(const AlterTableStmt *alter, const AlterTableCmd *subcommand, Command &command) {
  Target target = member(Deed::convert, alter, subcommand, OBJECT_COLUMN);
  target.conversion = parse_conversion(subcommand, *command.targets.get_stored_allocator().arena());
  command.targets.push_back(target);
}

void detach_partition(const AlterTableStmt *alter, const AlterTableCmd *subcommand, Command &command) {
  command.targets.push_back({.deed = Deed::detach,
                             .object_type = OBJECT_TABLE,
                             .node = reinterpret_cast<const PartitionCmd *>(subcommand->def)->name,
                             .within = alter->relation,
                             .missing_ok = alter->missing_ok});
}

void drop_identity(const AlterTableStmt *alter, const AlterTableCmd *subcommand, Command &command) {
  command.targets.push_back(member(Deed::drop_identity, alter, subcommand, OBJECT_COLUMN));
}

void set_unlogged(const AlterTableStmt *alter, const AlterTableCmd *, Command &command) {
  command.targets.push_back({.deed = Deed::set_unlogged,
                             .object_type = OBJECT_TABLE,
                             .node = alter->relation,
                             .missing_ok = alter->missing_ok});
}

// The other table's rows would show among its parent's.
void add_parent(const AlterTableStmt *, const AlterTableCmd *subcommand, Command &command) {
  change_object(command, OBJECT_TABLE, subcommand->def);
}

void attach_partition(const AlterTableStmt *, const AlterTableCmd *subcommand, Command &command) {
  change_object(command, OBJECT_TABLE, reinterpret_cast<const PartitionCmd *>(subcommand->def)->name);
}

struct Subcommand {
  AlterTableType subtype;
  void (*parse)(const AlterTableStmt *alter, const AlterTableCmd *subcommand, Command &command);
};

constexpr Subcommand subcommands[] = {
    {AT_DropColumn, drop_column},
    {AT_DropConstraint, drop_constraint},
    {AT_AlterColumnType, convert_column},
    {AT_DetachPartition, detach_partition},
    {AT_DetachPartitionFinalize, detach_partition},
    {AT_DropIdentity, drop_identity},
    {AT_SetUnLogged, set_unlogged},
    {AT_AddInherit, add_parent},
    {AT_AttachPartition, attach_partition},
};

} // namespace

void parse_alter_table(const Node *statement, Command &command) {
  const auto *alter = reinterpret_cast<const AlterTableStmt *>(statement);
  const ListCell *cell = nullptr;
  foreach (cell, alter->cmds) {
    const auto *subcommand = static_cast<const AlterTableCmd *>(lfirst(cell));
    for (const Subcommand &row : subcommands)
      if (row.subtype == subcommand->subtype)
        row.parse(alter, subcommand, command);
  }
  change_object(command, OBJECT_TABLE, alter->relation);
}

} // namespace schema_guard
