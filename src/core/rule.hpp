// The rules: one table in code, one row a rule. It feeds the schema_guard.rule view, the documentation and the tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace schema_guard {

// From the mildest to the strictest; judge() relies on the order.
enum class Action : std::uint8_t { allow, record, warn, block };

enum class RuleId : std::uint8_t {
  drop_table,
  drop_column,
  truncate_table,
  drop_database,
  drop_large_object,
  lossy_type_change,
  change_catalog,
  guard_tampering,
  drop_materialized_view,
  drop_sequence,
  drop_primary_key,
  detach_partition,
  rename_table,
  rename_column,
  move_schema,
  set_unlogged,
  drop_foreign_table,
  drop_view,
  drop_index,
  drop_constraint,
  drop_function,
  drop_type,
  drop_schema,
  drop_extension,
  drop_other,
  other_ddl,
};

struct Rule {
  RuleId id;
  std::string_view name;
  Action default_action;
  // What a statement does to the object, as in "cannot make table t unlogged", and what becomes of it, as in "table t
  // becomes unlogged".
  std::string_view infinitive;
  std::string_view outcome;
  std::string_view summary;
  std::string_view complement = {}; // of the infinitive, after the object
};

// Every rule, in the order of RuleId.
std::span<const Rule> rules();
const Rule &rule(RuleId id);
std::optional<RuleId> find_rule(std::string_view name);

std::string_view action_name(Action action);
std::optional<Action> find_action(std::string_view name);

} // namespace schema_guard
