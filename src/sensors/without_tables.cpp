#include "sensors/without_tables.hpp"

#include "pg/memory.hpp"
#include "pg/settings.hpp"
#include "pg/sqlstate.hpp"
#include "sensors/denial.hpp"

namespace schema_guard {

namespace {

class NoPolicy final : public Policy {
public:
  std::optional<Action> action(const Effect &) override { return std::nullopt; }
};

} // namespace

Verdict judge_without_tables(const Effects &found, AuditRecord &record, const WhyNot &reason, Arena &arena) {
  NoPolicy policy;
  Verdict verdict = judge(found, policy, nullptr, mode(), false, arena);
  record.verdict = c_string(decision_name(verdict.decision));
  record.rule = c_string(rule(verdict.rule).name);
  if (verdict.rule == RuleId::other_ddl || found.list.empty())
    return verdict;
  ereport(LOG_SERVER_ONLY, errmsg_internal("schema_guard: %s", log_json(record, found)), errhidestmt(true),
          errhidecontext(true));
  const Effect &effect = found.list[verdict.deciding];
  if (verdict.decision == Decision::warned)
    ereport(WARNING, errmsg("%s", effect_message(effect)), errdetail("The rule is %s.", record.rule));
  if (verdict.decision == Decision::blocked)
    ereport(ERROR, errhidestmt(true),
            errcode(effect.rule == RuleId::guard_tampering ? sqlstate_tampering : sqlstate_blocked),
            errmsg("%s", blocked_message(effect, record.command_tag)), errdetail("%s", reason.detail),
            errhint("%s", reason.hint));
  return verdict;
}

} // namespace schema_guard
