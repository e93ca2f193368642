#include "core/rule.hpp"

namespace schema_guard {

namespace {

constexpr Rule table[] = {
    {RuleId::drop_table, "drop_table", Action::block, "A table goes, with its rows."},
    {RuleId::drop_column, "drop_column", Action::block, "A column goes, with its values."},
    {RuleId::guard_tampering, "guard_tampering", Action::block, "schema_guard itself would be changed or removed."},
    {RuleId::drop_materialized_view, "drop_materialized_view", Action::warn,
     "A materialized view goes; its rows can be computed again only if their sources are still there."},
    {RuleId::drop_sequence, "drop_sequence", Action::warn, "A sequence goes, with its position."},
    {RuleId::drop_foreign_table, "drop_foreign_table", Action::record, "A foreign table goes; its rows are elsewhere."},
    {RuleId::drop_view, "drop_view", Action::record, "A view goes."},
    {RuleId::drop_index, "drop_index", Action::record, "An index goes."},
    {RuleId::drop_constraint, "drop_constraint", Action::record, "A constraint goes."},
    {RuleId::drop_function, "drop_function", Action::record, "A function, procedure or aggregate goes."},
    {RuleId::drop_type, "drop_type", Action::record, "A type or domain goes."},
    {RuleId::drop_schema, "drop_schema", Action::record, "A schema goes; what was in it is judged by its own rules."},
    {RuleId::drop_extension, "drop_extension", Action::record,
     "An extension goes; what it takes with it is judged by its own rules."},
    {RuleId::drop_other, "drop_other", Action::record, "An object of any other kind goes."},
    {RuleId::other_ddl, "other_ddl", Action::record, "Any other statement that defines or alters an object."},
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
