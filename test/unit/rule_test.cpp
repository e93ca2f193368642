// The table of rules, and the names that people use for rules and actions.
#include "core/rule.hpp"
#include "core/verdict.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

namespace schema_guard::test {
namespace {

TEST(Rules, StandInTheOrderOfTheirIds) {
  std::size_t place = 0;
  for (const Rule &row : rules()) {
    EXPECT_EQ(static_cast<std::size_t>(row.id), place++) << row.name;
    EXPECT_EQ(&rule(row.id), &row);
  }
  EXPECT_EQ(place, static_cast<std::size_t>(RuleId::other_ddl) + 1);
}

TEST(Rules, AreFoundByNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (const Rule &row : rules()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(find_rule(row.name), row.id);
  }
}

TEST(Rules, HaveNamesAndSummariesFitToBeShown) {
  for (const Rule &row : rules()) {
    EXPECT_EQ(row.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos) << row.name;
    EXPECT_FALSE(row.summary.empty()) << row.name;
    EXPECT_TRUE(row.summary.ends_with('.')) << row.name;
  }
}

// Parts of messages, which begin with neither a capital nor a space and end with no full stop.
TEST(Rules, HaveWordsFitForMessages) {
  for (const Rule &row : rules()) {
    EXPECT_FALSE(row.infinitive.empty()) << row.name;
    EXPECT_TRUE(row.outcome.starts_with("is ") || row.outcome.starts_with("has ") || row.outcome.starts_with("gets ") ||
                row.outcome.starts_with("becomes "))
        << row.name;
    for (const std::string_view words : {row.infinitive, row.outcome, row.complement})
      EXPECT_EQ(words.find_first_not_of("abcdefghijklmnopqrstuvwxyz, "), std::string_view::npos) << row.name;
  }
}

TEST(Rules, AreNotFoundByAnythingElse) {
  for (const std::string_view name : {"", "drop", "DROP_TABLE", "drop_table ", "drop_tables", "%"})
    EXPECT_EQ(find_rule(name), std::nullopt) << name;
}

// The promise to users: what is refused, and what is warned of, unless somebody has said otherwise. Every rule that
// is not listed here only leaves a record.
TEST(Rules, HaveTheDefaultActionsThatUsersAreTold) {
  const std::map<std::string_view, Action> expected = {
      {"drop_table", Action::block},     {"drop_column", Action::block},       {"truncate_table", Action::block},
      {"drop_database", Action::block},  {"drop_large_object", Action::block}, {"lossy_type_change", Action::block},
      {"change_catalog", Action::block}, {"guard_tampering", Action::block},   {"drop_materialized_view", Action::warn},
      {"drop_sequence", Action::warn},   {"drop_primary_key", Action::warn},   {"detach_partition", Action::warn},
      {"rename_table", Action::warn},    {"rename_column", Action::warn},      {"move_schema", Action::warn},
      {"set_unlogged", Action::warn},
  };
  for (const auto &[name, action] : expected)
    EXPECT_NE(find_rule(name), std::nullopt) << name;
  for (const Rule &row : rules()) {
    const auto place = expected.find(row.name);
    EXPECT_EQ(row.default_action, place == expected.end() ? Action::record : place->second) << row.name;
  }
}

TEST(Actions, AreFoundByTheirNames) {
  const std::map<std::string_view, Action> expected = {
      {"allow", Action::allow}, {"record", Action::record}, {"warn", Action::warn}, {"block", Action::block}};
  for (const auto &[name, action] : expected) {
    EXPECT_EQ(action_name(action), name);
    EXPECT_EQ(find_action(name), action);
  }
  for (const std::string_view name : {"", "default", "BLOCK", "blocked", "warn "})
    EXPECT_EQ(find_action(name), std::nullopt) << name;
}

TEST(Actions, AreOrderedFromTheMildestToTheStrictest) {
  EXPECT_LT(Action::allow, Action::record);
  EXPECT_LT(Action::record, Action::warn);
  EXPECT_LT(Action::warn, Action::block);
}

TEST(Decisions, HaveTheNamesThatTheAuditUses) {
  EXPECT_EQ(decision_name(Decision::allowed), "allowed");
  EXPECT_EQ(decision_name(Decision::exempt), "exempt");
  EXPECT_EQ(decision_name(Decision::warned), "warned");
  EXPECT_EQ(decision_name(Decision::approved), "approved");
  EXPECT_EQ(decision_name(Decision::rehearsed), "rehearsed");
  EXPECT_EQ(decision_name(Decision::blocked), "blocked");
}

} // namespace
} // namespace schema_guard::test
