#include "sensors/guard.hpp"

#include "approval/binding.hpp"
#include "approval/token.hpp"
#include "audit/audit_table.hpp"
#include "audit/journal.hpp"
#include "pg/extension.hpp"
#include "pg/memory.hpp"
#include "pg/settings.hpp"
#include "policy/live_policy.hpp"
#include "sensors/denial.hpp"
#include "sensors/statement.hpp"
#include "sensors/without_tables.hpp"

namespace schema_guard {

namespace {

AuditRecord describe(const Effects &effects, const Verdict &verdict, const Sighting &sighting) {
  AuditRecord record = new_record();
  record.occurred_at = sighting.seen_at;
  record.verdict = c_string(decision_name(verdict.decision));
  record.rule = c_string(rule(verdict.rule).name);
  record.command_tag = sighting.command_tag;
  record.statement = sighting.statement;
  record.sensor = sighting.sensor;
  if (verdict.rule != RuleId::other_ddl)
    record.effects = effects_json(effects, verdict);
  return record;
}

void warn(const Effects &effects, const Verdict &verdict) {
  for (std::size_t place = 0; place < effects.list.size(); ++place) {
    if (verdict.actions[place] < Action::warn)
      continue;
    const Effect &effect = effects.list[place];
    ereport(WARNING, errmsg("%s", effect_message(effect)),
            errdetail("The rule is %s.", c_string(rule(effect.rule).name)));
  }
}

// What goes while the transaction commits (ON COMMIT DROP) comes too late for the rehearsal's end.
bool rehearsing() {
  const TransactionState *state = transaction_state();
  return rehearse() && (state == nullptr || !state->settled);
}

// The session's approval, if the effects need one. An approval that is not valid stays unused, and the denial says why.
Verdict judge_with_approval(const Effects &effects, Policy &policy, bool can_be_undone, Arena &arena,
                            TokenApproval &token) {
  const bool rehearsed = can_be_undone && rehearsing();
  Verdict verdict = judge(effects, policy, nullptr, mode(), rehearsed, arena);
  if (verdict.decision != Decision::blocked && verdict.decision != Decision::rehearsed)
    return verdict;
  token = load_approval(arena);
  if (token.approval == nullptr)
    return verdict;
  return judge(effects, policy, token.approval, mode(), rehearsed, arena);
}

// What another transaction is using counts as consumed, for the message.
void note_in_use(const Effects &effects, const Approval &approval, const Vector<std::int32_t> &unavailable,
                 Verdict &verdict) {
  for (std::size_t place = 0; place < effects.list.size(); ++place) {
    const ApprovedEffect *listed = approval.find(effects.list[place]);
    if (listed != nullptr && std::find(unavailable.begin(), unavailable.end(), listed->ordinal) != unavailable.end())
      verdict.consumed.push_back(place);
  }
}

// Ring 2 has met what ring 1 had not foreseen. An approval has to cover a statement as a whole, so the request is for
// all of it, while the error names what is new.
[[noreturn]] void deny_surprise(const Effects &surprise, const Verdict &verdict, const TokenApproval &token,
                                AuditRecord &record, const Statement &statement, Arena &arena) {
  Effects whole(arena);
  Verdict judged(arena);
  if (statement.effects != nullptr) {
    for (std::size_t place = 0; place < statement.effects->list.size(); ++place) {
      whole.list.push_back(statement.effects->list[place]);
      judged.actions.push_back((*statement.actions)[place]);
    }
  }
  judged.deciding = whole.list.size();
  judged.unlisted.push_back(judged.deciding);
  judged.rule = verdict.rule;
  judged.decision = verdict.decision;
  whole.list.push_back(surprise.list[verdict.deciding]);
  judged.actions.push_back(verdict.actions[verdict.deciding]);
  record.effects = effects_json(whole, judged);
  if (statement.recorded)
    forget_begun_statement();
  deny(whole, judged, token, record);
}

// What passes is kept in the journal until the audit is there again.
Passed guard_without_tables(const Effects &effects, const Sighting &sighting, const char *missing, Arena &arena) {
  AuditRecord record = new_record();
  record.occurred_at = sighting.seen_at;
  record.command_tag = sighting.command_tag;
  record.statement = sighting.statement;
  record.sensor = sighting.sensor;
  const char *detail =
      psprintf("Nobody can approve it: relation \"%s\" of extension schema_guard is missing.", missing);
  const Verdict verdict = judge_without_tables(
      effects, record,
      {detail, "Restore the relation, or drop the extension and create it again, with schema_guard.mode = off."},
      arena);
  if (verdict.rule != RuleId::other_ddl)
    record.effects = effects_json(effects, verdict);
  return {record, true, verdict};
}

} // namespace

Passed guard(const Effects &effects, const Sighting &sighting, Arena &arena) {
  if (const char *missing = guard_objects()->missing; missing != nullptr)
    return guard_without_tables(effects, sighting, missing, arena);
  LivePolicy policy;
  TokenApproval token;
  Verdict verdict = judge_with_approval(effects, policy, sighting.can_be_undone, arena, token);
  AuditRecord record = describe(effects, verdict, sighting);

  switch (verdict.decision) {
  case Decision::blocked:
    if (sighting.begun != nullptr)
      deny_surprise(effects, verdict, token, record, *sighting.begun, arena);
    deny(effects, verdict, token, record);
  case Decision::approved:
    if (Vector<std::int32_t> unavailable(arena); !consume(*token.approval, verdict.ordinals, unavailable)) {
      note_in_use(effects, *token.approval, unavailable, verdict);
      deny_in_use(effects, verdict, token, record);
    }
    if (!sighting.can_be_undone)
      hold_approval(token.approval->id);
    record.approval_id = token.approval->id;
    record.request_id = token.approval->request_id;
    // An uninstall takes the audit along.
    if (verdict.rule == RuleId::guard_tampering)
      ereport(LOG_SERVER_ONLY, errmsg_internal("schema_guard: %s", log_json(record, effects)), errhidestmt(true),
              errhidecontext(true));
    break;
  case Decision::rehearsed:
    keep_rehearsed(effects, verdict, record);
    break;
  case Decision::warned:
    warn(effects, verdict);
    break;
  case Decision::allowed:
  case Decision::exempt:
    break;
  }
  const bool recorded =
      effects.refused || verdict.actions.empty() ||
      *std::max_element(verdict.actions.data(), verdict.actions.data() + verdict.actions.size()) != Action::allow;
  return {record, recorded, verdict};
}

void guard_and_record(Effects &found, const Sighting &sighting, bool text_says_all, Arena &arena) {
  bind_to_statement(found, sighting.command_tag, text_says_all ? sighting.statement : nullptr, arena);
  const Passed passed = guard(found, sighting, arena);
  if (passed.recorded)
    write_record(passed.record);
}

void write_record(AuditRecord record) {
  complete_record(record);
  if (insert_record(record))
    return;
  if (const char *problem = journal_problem(keep_unwritten(record)); problem != nullptr)
    ereport(ERROR, errcode(ERRCODE_IO_ERROR), errmsg("could not record %s", record.command_tag),
            errdetail("The audit table is locked or has been altered, and the journal cannot be used: %s.", problem),
            errhint("Call schema_guard.status() to see what is wrong. A superuser can set schema_guard.mode to off."));
}

void write_failure_record(AuditRecord record) {
  complete_record(record);
  if (!insert_record(record))
    (void)keep_unwritten(record);
}

} // namespace schema_guard
