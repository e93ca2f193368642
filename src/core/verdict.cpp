#include "core/verdict.hpp"

namespace schema_guard {

namespace {

// Compares the effects with what the approval lists, and says what is missing.
bool covered(const Effects &effects, const Approval &approval, Verdict &verdict) {
  for (std::size_t place = 0; place < effects.list.size(); ++place) {
    if (verdict.actions[place] == Action::allow || effects.list[place].harmless)
      continue;
    const ApprovedEffect *listed = approval.find(effects.list[place]);
    if (listed == nullptr)
      verdict.unlisted.push_back(place);
    else if (listed->consumed)
      verdict.consumed.push_back(place);
    else
      verdict.ordinals.push_back(listed->ordinal);
  }
  return verdict.unlisted.empty() && verdict.consumed.empty();
}

bool tampers(const Effects &effects, const Verdict &verdict) {
  for (std::size_t place = 0; place < effects.list.size(); ++place)
    if (effects.list[place].rule == RuleId::guard_tampering && verdict.actions[place] == Action::block)
      return true;
  return false;
}

Decision decide_blocked(const Effects &effects, const Approval *approval, GuardMode mode, bool rehearse,
                        Verdict &verdict) {
  // Whatever the mode lets pass, it does not let pass what would falsify its own record.
  const bool lenient = !tampers(effects, verdict);
  if (lenient && mode == GuardMode::observe)
    return Decision::allowed;
  if (lenient && mode == GuardMode::warn)
    return Decision::warned;
  if (approval != nullptr && covered(effects, *approval, verdict))
    return Decision::approved;
  verdict.ordinals.clear();
  return rehearse ? Decision::rehearsed : Decision::blocked;
}

} // namespace

std::string_view decision_name(Decision decision) {
  static constexpr std::string_view names[] = {"allowed", "exempt", "warned", "approved", "rehearsed", "blocked"};
  return names[static_cast<std::size_t>(decision)];
}

Verdict judge(const Effects &effects, Policy &policy, const Approval *approval, GuardMode mode, bool rehearse,
              Arena &arena) {
  Verdict verdict(arena);
  Action strictest = Action::allow;
  bool exempt = false;

  for (std::size_t place = 0; place < effects.list.size(); ++place) {
    const Effect &effect = effects.list[place];
    const Action by_default = effect.harmless ? Action::record : rule(effect.rule).default_action;
    const Action action = effect.harmless ? by_default : policy.action(effect).value_or(by_default);
    verdict.actions.push_back(action);
    if (by_default == Action::block && action != Action::block)
      exempt = true;
    // Of two that are as strict, the guard itself comes first: no policy and no mode lets that pass.
    const bool guards_itself = effect.rule == RuleId::guard_tampering && verdict.rule != RuleId::guard_tampering;
    if (place == 0 || action > strictest || (action == strictest && guards_itself)) {
      strictest = action;
      verdict.deciding = place;
      verdict.rule = effect.rule;
    }
  }

  if (strictest == Action::block)
    verdict.decision = decide_blocked(effects, approval, mode, rehearse, verdict);
  else if (strictest == Action::warn)
    verdict.decision = mode == GuardMode::observe ? Decision::allowed : Decision::warned;
  else if (exempt)
    verdict.decision = Decision::exempt;
  return verdict;
}

} // namespace schema_guard
