#include "core/rule.hpp"

namespace schema_guard {

namespace {

constexpr Rule table[] = {
    {RuleId::drop_table, "drop_table", Action::block, "drop", "is dropped", "A table goes, with its rows."},
    {RuleId::drop_column, "drop_column", Action::block, "drop", "is dropped", "A column goes, with its values."},
    {RuleId::truncate_table, "truncate_table", Action::block, "truncate", "is truncated", "All rows of a table go."},
    {RuleId::drop_database, "drop_database", Action::block, "drop", "is dropped",
     "A database goes, with all that is in it."},
    {RuleId::drop_large_object, "drop_large_object", Action::block, "drop", "is dropped",
     "A large object goes because its owner's objects are dropped."},
    {RuleId::lossy_type_change, "lossy_type_change", Action::block, "change the type of",
     "gets another type, or other values", "A column gets a type, or values, that may not keep all of what is in it."},
    {RuleId::change_catalog, "change_catalog", Action::block, "change the rows of", "has its rows changed by hand",
     "Rows of a system catalog are changed by hand."},
    {RuleId::guard_tampering, "guard_tampering", Action::block, "change or drop", "is changed or dropped",
     "schema_guard itself would be changed, removed or turned down."},
    {RuleId::drop_materialized_view, "drop_materialized_view", Action::warn, "drop", "is dropped",
     "A materialized view goes; its rows can be computed again only if their sources are still there."},
    {RuleId::drop_sequence, "drop_sequence", Action::warn, "drop", "is dropped", "A sequence goes, with its position."},
    {RuleId::drop_primary_key, "drop_primary_key", Action::warn, "drop", "is dropped",
     "A primary key goes: the same row can be entered twice from then on."},
    {RuleId::detach_partition, "detach_partition", Action::warn, "detach", "is detached",
     "A partition leaves its table, and its rows with it."},
    {RuleId::rename_table, "rename_table", Action::warn, "rename", "is renamed",
     "A table gets another name, which those who use it don't know."},
    {RuleId::rename_column, "rename_column", Action::warn, "rename", "is renamed",
     "A column gets another name, which those who use it don't know."},
    {RuleId::move_schema, "move_schema", Action::warn, "move", "is moved to another schema",
     "A table goes to another schema, or a schema gets another name.", "to another schema"},
    {RuleId::set_unlogged, "set_unlogged", Action::warn, "make", "becomes unlogged",
     "A table's rows will be gone after a crash, and are not replicated.", "unlogged"},
    {RuleId::drop_foreign_table, "drop_foreign_table", Action::record, "drop", "is dropped",
     "A foreign table goes; its rows are elsewhere."},
    {RuleId::drop_view, "drop_view", Action::record, "drop", "is dropped", "A view goes."},
    {RuleId::drop_index, "drop_index", Action::record, "drop", "is dropped", "An index goes."},
    {RuleId::drop_constraint, "drop_constraint", Action::record, "drop", "is dropped", "A constraint goes."},
    {RuleId::drop_function, "drop_function", Action::record, "drop", "is dropped",
     "A function, procedure or aggregate goes."},
    {RuleId::drop_type, "drop_type", Action::record, "drop", "is dropped", "A type or domain goes."},
    {RuleId::drop_schema, "drop_schema", Action::record, "drop", "is dropped",
     "A schema goes; what was in it is judged by its own rules."},
    {RuleId::drop_extension, "drop_extension", Action::record, "drop", "is dropped",
     "An extension goes; what it takes with it is judged by its own rules."},
    {RuleId::drop_other, "drop_other", Action::record, "drop", "is dropped", "An object of any other kind goes."},
    {RuleId::other_ddl, "other_ddl", Action::record, "execute", "is executed",
     "Any other statement that defines or alters an object."},
};

constexpr std::string_view action_names[] = {"allow", "record", "warn", "block"};

constexpr bool in_order() {
  for (std::size_t place = 0; place < std::size(table); ++place)
    if (static_cast<std::size_t>(table[place].id) != place)
      return false;
  return true;
}
static_assert(in_order(), "the table's rows stand in the order of RuleId");

} // namespace

std::span<const Rule> rules() { return table; }

const Rule &rule(RuleId id) { return table[static_cast<std::size_t>(id)]; }

std::optional<RuleId> find_rule(std::string_view name) {
  for (const Rule &row : table)
    if (row.name == name)
      return row.id;
  return std::nullopt;
}

std::string_view action_name(Action action) { return action_names[static_cast<std::size_t>(action)]; }

std::optional<Action> find_action(std::string_view name) {
  for (std::size_t place = 0; place < std::size(action_names); ++place)
    if (action_names[place] == name)
      return static_cast<Action>(place);
  return std::nullopt;
}

} // namespace schema_guard
