// judge(): what becomes of a statement, by mode, policy, approval and rehearsal.
#include "core/verdict.hpp"
#include "heap_arena.hpp"

#include <gtest/gtest.h>

#include <map>
#include <ostream>
#include <string>
#include <vector>

namespace schema_guard::test {
namespace {

// A policy that says what it is told to, by rule or by object.
class FakePolicy final : public Policy {
public:
  std::optional<Action> action(const Effect &effect) override {
    if (const auto place = by_object.find(effect.address); place != by_object.end())
      return place->second;
    const auto place = by_rule.find(effect.rule);
    return place == by_rule.end() ? std::nullopt : std::optional(place->second);
  }
  std::map<RuleId, Action> by_rule;
  std::map<Address, Action> by_object;
};

constexpr Address object(ObjectId id) { return {1, id, 0}; }

class JudgeTest : public ::testing::Test {
protected:
  void happens(RuleId rule, Address address) { effects.list.push_back({.rule = rule, .address = address}); }
  void approves(RuleId rule, Address address, bool consumed = false) {
    approval.effects.push_back({rule, address, ++last_ordinal, consumed});
    std::sort(approval.effects.begin(), approval.effects.end());
  }
  Verdict verdict(const Approval *with, GuardMode mode = GuardMode::enforce, bool rehearse = false) {
    return judge(effects, policy, with, mode, rehearse, arena);
  }
  template <typename T> static std::vector<T> list(const Vector<T> &vector) { return {vector.begin(), vector.end()}; }
  using Places = std::vector<std::size_t>;
  using Ordinals = std::vector<std::int32_t>;

  HeapArena arena;
  Effects effects{arena};
  FakePolicy policy;
  Approval approval{arena};
  std::int32_t last_ordinal = 0;
};

enum class Held { nothing, exact, partial };

struct JudgeCase {
  const char *name;
  Action action;
  GuardMode mode;
  Held approval;
  bool rehearse;
  Decision decision;
};

void PrintTo(const JudgeCase &row, std::ostream *out) { *out << row.name; }

// Mode off is not here: with it, no sensor asks for a verdict.
constexpr auto enforce = GuardMode::enforce;
constexpr auto warn = GuardMode::warn;
constexpr auto observe = GuardMode::observe;

constexpr JudgeCase judge_cases[] = {
    {"Block", Action::block, enforce, Held::nothing, false, Decision::blocked},
    {"BlockRehearsed", Action::block, enforce, Held::nothing, true, Decision::rehearsed},
    {"BlockApproved", Action::block, enforce, Held::exact, false, Decision::approved},
    {"BlockApprovedRehearsed", Action::block, enforce, Held::exact, true, Decision::approved},
    {"BlockPartlyApproved", Action::block, enforce, Held::partial, false, Decision::blocked},
    {"BlockPartlyApprovedRehearsed", Action::block, enforce, Held::partial, true, Decision::rehearsed},
    {"BlockInWarn", Action::block, warn, Held::nothing, false, Decision::warned},
    {"BlockInWarnRehearsed", Action::block, warn, Held::nothing, true, Decision::warned},
    {"BlockInWarnApproved", Action::block, warn, Held::exact, false, Decision::warned},
    {"BlockInObserve", Action::block, observe, Held::nothing, false, Decision::allowed},
    {"BlockInObserveRehearsed", Action::block, observe, Held::nothing, true, Decision::allowed},
    {"BlockInObserveApproved", Action::block, observe, Held::exact, false, Decision::allowed},
    {"Warn", Action::warn, enforce, Held::nothing, false, Decision::warned},
    {"WarnRehearsed", Action::warn, enforce, Held::nothing, true, Decision::warned},
    {"WarnApproved", Action::warn, enforce, Held::exact, false, Decision::warned},
    {"WarnInWarn", Action::warn, warn, Held::nothing, false, Decision::warned},
    {"WarnInObserve", Action::warn, observe, Held::nothing, false, Decision::allowed},
    {"Record", Action::record, enforce, Held::nothing, false, Decision::allowed},
    {"RecordRehearsed", Action::record, enforce, Held::nothing, true, Decision::allowed},
    {"RecordApproved", Action::record, enforce, Held::exact, false, Decision::allowed},
    {"RecordInWarn", Action::record, warn, Held::nothing, false, Decision::allowed},
    {"RecordInObserve", Action::record, observe, Held::nothing, false, Decision::allowed},
    {"Allow", Action::allow, enforce, Held::nothing, false, Decision::allowed},
    {"AllowRehearsed", Action::allow, enforce, Held::nothing, true, Decision::allowed},
    {"AllowInWarn", Action::allow, warn, Held::nothing, false, Decision::allowed},
    {"AllowInObserve", Action::allow, observe, Held::nothing, false, Decision::allowed},
};

class JudgeTable : public JudgeTest, public ::testing::WithParamInterface<JudgeCase> {};

TEST_P(JudgeTable, Decides) {
  const JudgeCase &row = GetParam();
  // A rule that is not blocked by default: whether a policy exempts is another test's matter.
  happens(RuleId::drop_view, object(1));
  happens(RuleId::drop_view, object(2));
  policy.by_rule[RuleId::drop_view] = row.action;
  approves(RuleId::drop_view, object(1));
  if (row.approval == Held::exact)
    approves(RuleId::drop_view, object(2));
  const Verdict result = verdict(row.approval == Held::nothing ? nullptr : &approval, row.mode, row.rehearse);
  EXPECT_EQ(result.decision, row.decision);
  EXPECT_EQ(list(result.actions), (std::vector<Action>{row.action, row.action}));
  EXPECT_EQ(list(result.ordinals), row.decision == Decision::approved ? (Ordinals{1, 2}) : Ordinals{});
}

INSTANTIATE_TEST_SUITE_P(All, JudgeTable, ::testing::ValuesIn(judge_cases),
                         [](const ::testing::TestParamInfo<JudgeCase> &info) { return info.param.name; });

TEST_F(JudgeTest, NoEffectsAreAllowed) {
  const Verdict result = verdict(nullptr);
  EXPECT_EQ(result.decision, Decision::allowed);
  EXPECT_TRUE(result.actions.empty());
}

TEST_F(JudgeTest, TheRulesDefaultHoldsWhereThePolicySaysNothing) {
  for (const Rule &row : rules())
    happens(row.id, object(1));
  const Verdict result = verdict(nullptr);
  for (std::size_t place = 0; place < rules().size(); ++place)
    EXPECT_EQ(result.actions[place], rules()[place].default_action) << rules()[place].name;
}

TEST_F(JudgeTest, TheStrictestEffectDecidesAndOfEqualsTheFirst) {
  happens(RuleId::drop_view, object(1));
  happens(RuleId::drop_sequence, object(2));
  happens(RuleId::drop_column, object(3));
  happens(RuleId::drop_table, object(4));
  Verdict result = verdict(nullptr);
  EXPECT_EQ(result.rule, RuleId::drop_column);
  EXPECT_EQ(result.deciding, 2U);
  policy.by_rule[RuleId::drop_column] = Action::allow;
  policy.by_rule[RuleId::drop_table] = Action::record;
  result = verdict(nullptr);
  EXPECT_EQ(result.rule, RuleId::drop_sequence);
  EXPECT_EQ(result.decision, Decision::warned);
  policy.by_rule[RuleId::drop_view] = Action::block;
  EXPECT_EQ(verdict(nullptr).deciding, 0U);
}

// Not the rule that an empty verdict has.
TEST_F(JudgeTest, AnAllowedEffectDecidesIfItIsAlone) {
  happens(RuleId::drop_index, object(1));
  policy.by_rule[RuleId::drop_index] = Action::allow;
  EXPECT_EQ(verdict(nullptr).rule, RuleId::drop_index);
}

TEST_F(JudgeTest, OneEffectMoreIsNotCovered) {
  happens(RuleId::drop_table, object(1));
  happens(RuleId::drop_view, object(2));
  happens(RuleId::drop_table, object(3));
  approves(RuleId::drop_table, object(1));
  approves(RuleId::drop_table, object(3));
  const Verdict result = verdict(&approval);
  EXPECT_EQ(result.decision, Decision::blocked);
  EXPECT_EQ(list(result.unlisted), Places{1}) << "a view counts as well, though nobody blocks it";
  EXPECT_TRUE(result.consumed.empty());
  EXPECT_TRUE(result.ordinals.empty()) << "nothing may be consumed for a statement that is refused";
}

TEST_F(JudgeTest, OneEffectLessIsCovered) {
  happens(RuleId::drop_table, object(2));
  for (const ObjectId id : {3, 1, 2})
    approves(RuleId::drop_table, object(id));
  const Verdict result = verdict(&approval);
  EXPECT_EQ(result.decision, Decision::approved);
  EXPECT_EQ(list(result.ordinals), Ordinals{3}) << "by the approval's numbering, in the order of the effects";
}

TEST_F(JudgeTest, AConsumedEffectIsNotCovered) {
  happens(RuleId::drop_table, object(1));
  happens(RuleId::drop_table, object(2));
  happens(RuleId::drop_table, object(3));
  approves(RuleId::drop_table, object(1));
  approves(RuleId::drop_table, object(2), true);
  const Verdict result = verdict(&approval);
  EXPECT_EQ(result.decision, Decision::blocked);
  EXPECT_EQ(list(result.consumed), Places{1});
  EXPECT_EQ(list(result.unlisted), Places{2});
  EXPECT_TRUE(result.ordinals.empty());
}

struct NearMiss {
  const char *name;
  RuleId rule;
  Address address;
};
void PrintTo(const NearMiss &row, std::ostream *out) { *out << row.name; }

class NotCovered : public JudgeTest, public ::testing::WithParamInterface<NearMiss> {};

TEST_P(NotCovered, ByAnApprovalOfSomethingElse) {
  happens(RuleId::drop_column, {1, 7, 2});
  approves(GetParam().rule, GetParam().address);
  const Verdict result = verdict(&approval);
  EXPECT_EQ(result.decision, Decision::blocked);
  EXPECT_EQ(list(result.unlisted), Places{0});
}

INSTANTIATE_TEST_SUITE_P(All, NotCovered,
                         ::testing::Values(NearMiss{"WrongRule", RuleId::drop_table, {1, 7, 2}},
                                           NearMiss{"WrongClass", RuleId::drop_column, {2, 7, 2}},
                                           NearMiss{"WrongObject", RuleId::drop_column, {1, 8, 2}},
                                           NearMiss{"WrongColumn", RuleId::drop_column, {1, 7, 3}},
                                           NearMiss{"WholeTable", RuleId::drop_column, {1, 7, 0}}),
                         [](const ::testing::TestParamInfo<NearMiss> &info) { return info.param.name; });

TEST_F(JudgeTest, AnEmptyApprovalCoversNothing) {
  happens(RuleId::drop_table, object(1));
  EXPECT_EQ(list(verdict(&approval).unlisted), Places{0});
}

TEST_F(JudgeTest, WhatThePolicyAllowsNeedsNoCoverAndConsumesNothing) {
  happens(RuleId::drop_table, object(1));
  happens(RuleId::drop_table, object(2));
  policy.by_object[object(1)] = Action::allow;
  approves(RuleId::drop_table, object(1), true);
  approves(RuleId::drop_table, object(2));
  const Verdict result = verdict(&approval);
  EXPECT_EQ(result.decision, Decision::approved);
  EXPECT_EQ(list(result.ordinals), Ordinals{2});
}

TEST_F(JudgeTest, AnExemptionIsToldApartFromWhatNeverNeededOne) {
  happens(RuleId::drop_table, object(1));
  happens(RuleId::drop_view, object(2));
  for (const Action action : {Action::allow, Action::record}) {
    policy.by_object[object(1)] = action;
    EXPECT_EQ(verdict(nullptr).decision, Decision::exempt);
    EXPECT_EQ(verdict(nullptr, GuardMode::observe).decision, Decision::exempt);
  }
  policy.by_object[object(1)] = Action::warn;
  EXPECT_EQ(verdict(nullptr).decision, Decision::warned);
}

TEST_F(JudgeTest, AnExemptionOfOneObjectExemptsNoOther) {
  happens(RuleId::drop_table, object(1));
  happens(RuleId::drop_table, object(2));
  policy.by_object[object(1)] = Action::allow;
  const Verdict result = verdict(nullptr);
  EXPECT_EQ(result.decision, Decision::blocked);
  EXPECT_EQ(result.deciding, 1U);
}

// Temporary, or this transaction's own: no policy can forbid it, no approval has to list it.
TEST_F(JudgeTest, AHarmlessEffectIsOnlyRecorded) {
  happens(RuleId::drop_table, object(1));
  effects.list[0].harmless = true;
  policy.by_rule[RuleId::drop_table] = Action::block;
  Verdict result = verdict(nullptr);
  EXPECT_EQ(result.decision, Decision::allowed);
  EXPECT_EQ(list(result.actions), std::vector{Action::record});
  EXPECT_EQ(verdict(nullptr, GuardMode::enforce, true).decision, Decision::allowed);

  happens(RuleId::drop_table, object(2));
  approves(RuleId::drop_table, object(2));
  result = verdict(&approval);
  EXPECT_EQ(result.decision, Decision::approved);
  EXPECT_EQ(list(result.ordinals), Ordinals{1});
}

TEST_F(JudgeTest, ApprovalsAreSearchedHoweverLong) {
  for (ObjectId id = 1; id <= 1000; ++id)
    approves(id % 2 == 0 ? RuleId::drop_table : RuleId::drop_column, object(id));
  for (ObjectId id = 1; id <= 1000; ++id)
    happens(id % 2 == 0 ? RuleId::drop_table : RuleId::drop_column, object(id));
  const Verdict result = verdict(&approval);
  EXPECT_EQ(result.decision, Decision::approved);
  EXPECT_EQ(result.ordinals.size(), 1000U);
}

} // namespace
} // namespace schema_guard::test
