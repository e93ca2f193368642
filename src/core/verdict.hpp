// The verdict on a statement: pure, from its effects, the policy and the approval that the session holds.
#pragma once

#include "core/effect.hpp"

#include <algorithm>

namespace schema_guard {

enum class GuardMode : std::uint8_t { enforce, warn, observe, off };

// What the policy says of an effect, if it says anything.
class Policy {
public:
  virtual std::optional<Action> action(const Effect &effect) = 0;

protected:
  ~Policy() = default;
};

struct ApprovedEffect {
  RuleId rule;
  Address address;
  std::int32_t ordinal; // its number within the approval
  bool consumed;
  std::string_view detail = {};

  bool operator<(const ApprovedEffect &other) const {
    if (rule != other.rule)
      return rule < other.rule;
    return address != other.address ? address < other.address : detail < other.detail;
  }
};

struct Approval {
  explicit Approval(Arena &arena) : effects(arena) {}

  std::int64_t id = 0;
  std::int64_t request_id = 0;
  Vector<ApprovedEffect> effects; // in ascending order

  const ApprovedEffect *find(const Effect &effect) const {
    const ApprovedEffect wanted{effect.rule, effect.address, 0, false, effect.detail};
    const auto *last = effects.data() + effects.size();
    const auto *place = std::lower_bound(effects.data(), last, wanted);
    return place != last && !(wanted < *place) ? place : nullptr;
  }
};

enum class Decision : std::uint8_t { allowed, exempt, warned, approved, rehearsed, blocked };

std::string_view decision_name(Decision decision);

struct Verdict {
  explicit Verdict(Arena &arena) : actions(arena), unlisted(arena), consumed(arena), ordinals(arena) {}

  Decision decision = Decision::allowed;
  RuleId rule = RuleId::other_ddl; // of the deciding effect
  std::size_t deciding = 0;        // its place in the effects
  Vector<Action> actions;          // one for each effect, after policy
  Vector<std::size_t> unlisted;    // places of effects that the approval does not list
  Vector<std::size_t> consumed;    // places of effects that the approval lists, but which were used up
  Vector<std::int32_t> ordinals;   // what the statement consumes of the approval
};

// `approval` may be null. An approval counts if it covers every effect, save those that the policy allows.
Verdict judge(const Effects &effects, Policy &policy, const Approval *approval, GuardMode mode, bool rehearse,
              Arena &arena);

} // namespace schema_guard
