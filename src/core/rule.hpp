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
  guard_tampering,
  drop_materialized_view,
  drop_sequence,
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
  std::string_view summary;
};

// Every rule, in the order of RuleId.
std::span<const Rule> rules();
const Rule &rule(RuleId id);
std::optional<RuleId> find_rule(std::string_view name);

std::string_view action_name(Action action);
std::optional<Action> find_action(std::string_view name);

} // namespace schema_guard
