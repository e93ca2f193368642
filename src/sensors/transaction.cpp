// The ends of transactions: the rehearsal's verdict, the record of what failed, and the journal's next absorption.
#include "approval/token.hpp"
#include "audit/absorber.hpp"
#include "audit/absorber_worker.hpp"
#include "audit/journal.hpp"
#include "pg/extension.hpp"
#include "pg/memory.hpp"
#include "pg/settings.hpp"
#include "pg/sqlstate.hpp"
#include "pg/transaction_objects.hpp"
#include "sensors/denial.hpp"
#include "sensors/guard.hpp"
#include "sensors/sensor.hpp"
#include "sensors/carried_statement.hpp"
#include "sensors/statement.hpp"

extern "C" {
#include "utils/snapmgr.h"
}

namespace schema_guard {

namespace {

constexpr int inline_batch = 100; // journal entries that a session absorbs itself if no worker can be had

// The statements that were begun in vain, as the effects of a row with the verdict "failed".
Jsonb *begun_json(const TransactionState &state, bool only_failed) {
  JsonArray array;
  bool any = false;
  for (const BegunStatement &begun : state.begun) {
    if (only_failed && !begun.failed)
      continue;
    any = true;
    array.begin_object();
    array.text("command_tag", begun.tag);
    if (begun.statement != nullptr)
      array.text("statement", begun.statement);
    array.end_object();
  }
  const int64 uncounted = state.begun_count - static_cast<int64>(state.begun.size());
  if (any && uncounted > 0) {
    array.begin_object();
    array.number("more_statements", uncounted);
    array.end_object();
  }
  return array.finish();
}

// Names come from the first statement's record: none can be looked up in a failed transaction.
AuditRecord failure(const TransactionState &state, Jsonb *begun) {
  AuditRecord record = state.first;
  record.verdict = "failed";
  record.rule = nullptr;
  record.effects = begun;
  record.request_id = 0;
  record.approval_id = 0;
  record.sensor = sensor::transaction_end;
  if (state.begun_count > 1)
    record.statement = nullptr;
  return record;
}

void finish_rehearsal(const TransactionState &state) {
  ContextArena arena;
  Effects effects(arena);
  Verdict verdict(arena);
  for (const RehearsedEffect &rehearsed : state.rehearsed) {
    effects.list.push_back(rehearsed.effect);
    verdict.actions.push_back(rehearsed.action);
    if (rehearsed.action > verdict.actions[verdict.deciding])
      verdict.deciding = verdict.actions.size() - 1;
  }
  AuditRecord record = new_record();
  record.verdict = "rehearsed";
  record.command_tag = state.rehearsed_tag;
  record.statement = state.rehearsed_statement;
  record.sensor = sensor::transaction_end;
  if (!effects.list.empty()) {
    verdict.rule = effects.list[verdict.deciding].rule;
    record.rule = c_string(rule(verdict.rule).name);
    record.effects = effects_json(effects, verdict);
  }
  forget_begun_statements();
  end_rehearsal(effects, verdict, record);
}

// A worker does it, out of everybody's way; only where none can be had does the session, in its own transaction.
void absorb_backlog() {
  if (!backlog_suspected() || start_absorber())
    return;
  MemoryContext context = CurrentMemoryContext;
  ResourceOwner owner = CurrentResourceOwner;
  BeginInternalSubTransaction(nullptr);
  PG_TRY();
  {
    (void)absorb(inline_batch);
    ReleaseCurrentSubTransaction();
  }
  PG_CATCH();
  {
    // Somebody's harmless statement must not fail for it. It stays in the journal, and the log says why.
    MemoryContextSwitchTo(context);
    ErrorData *error = CopyErrorData();
    FlushErrorState();
    RollbackAndReleaseCurrentSubTransaction();
    MemoryContextSwitchTo(context);
    CurrentResourceOwner = owner;
    if (error->sqlerrcode == ERRCODE_QUERY_CANCELED || error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
      ReThrowError(error);
    ereport(LOG, errmsg("schema_guard could not absorb its journal: %s", error->message));
  }
  PG_END_TRY();
  MemoryContextSwitchTo(context);
  CurrentResourceOwner = owner;
}

void record_what_failed(const TransactionState &state) {
  if (Jsonb *begun = begun_json(state, true); begun != nullptr)
    write_failure_record(failure(state, begun));
  absorb_backlog();
}

// What waits for the commit to be written has to find the journal as it was when the statement was let pass. Not
// where the commit must not fail any more.
void require_journal(const TransactionState &state) {
  if (state.unwritten.empty() || state.cannot_be_undone)
    return;
  size_t length = 0;
  for (const char *payload : state.unwritten)
    length += strlen(payload);
  if (const char *problem = journal_problem(length); problem != nullptr)
    ereport(ERROR, errcode(ERRCODE_IO_ERROR), errmsg("could not record this transaction"),
            errdetail("The journal cannot be used: %s.", problem),
            errhint("Call schema_guard.status() to see what is wrong. A superuser can set schema_guard.mode to off."));
}

void before_commit() {
  TransactionState *state = transaction_state();
  if (state == nullptr)
    return;
  // A rehearsal is one even if what it has removed is the guard.
  if (!state->rehearsed.empty() && guard_objects() == nullptr)
    ereport(ERROR, errcode(sqlstate_rehearsed),
            errmsg("rehearsal complete: this transaction would remove schema_guard itself"));
  if (guard_objects() == nullptr)
    return;
  PushActiveSnapshot(GetTransactionSnapshot());
  // What has been let pass on a condition is settled by that, whatever the mode is by now.
  if (!state->rehearsed.empty() || (rehearse() && state->begun_count > 0 && !inert()))
    finish_rehearsal(*state);
  check_consumed_approvals();
  if (!inert())
    record_what_failed(*state);
  require_journal(*state);
  PopActiveSnapshot();
  carry_statement();
  state->settled = true;
}

void after_commit() {
  const TransactionState *state = transaction_state();
  if (state == nullptr || state->unwritten.empty())
    return;
  for (const char *payload : state->unwritten)
    if (!journal_append(payload, strlen(payload), nullptr, WARNING))
      ereport(LOG_SERVER_ONLY, errmsg_internal("schema_guard: %s", payload), errhidestmt(true), errhidecontext(true));
  (void)start_absorber();
}

void journal_failure(AuditRecord record) {
  complete_record(record);
  const char *payload = record_json(record, nullptr);
  if (journal_append(payload, strlen(payload), nullptr, LOG))
    (void)start_absorber();
}

// Nothing here may raise an error: the transaction is being aborted already.
void after_abort() {
  const TransactionState *state = transaction_state();
  if (state != nullptr && state->begun_count > 0) {
    if (Jsonb *begun = begun_json(*state, false); begun != nullptr)
      journal_failure(failure(*state, begun));
  } else if (const AuditRecord *carried = carried_record(nullptr); carried != nullptr) {
    // It has committed a part of what it does, and now the rest has failed.
    AuditRecord record = *carried;
    record.verdict = "failed";
    record.rule = nullptr;
    record.sensor = sensor::transaction_end;
    journal_failure(record);
  }
  forget_carried();
  retry_absorption();
}

void forget_everything() {
  statements_transaction_ended();
  transaction_objects::transaction_ended();
  forget_consumed_approvals();
  guard_work_aborted(0);
  recheck_guard_objects();
}

void transaction_event(XactEvent event, void *) {
  switch (event) {
  case XACT_EVENT_PRE_COMMIT:
  case XACT_EVENT_PRE_PREPARE:
    return before_commit();
  case XACT_EVENT_COMMIT:
  case XACT_EVENT_PREPARE:
    after_commit();
    return forget_everything();
  case XACT_EVENT_ABORT:
    after_abort();
    return forget_everything();
  case XACT_EVENT_PARALLEL_PRE_COMMIT:
  case XACT_EVENT_PARALLEL_COMMIT:
  case XACT_EVENT_PARALLEL_ABORT:
    return;
  }
}

void subtransaction_event(SubXactEvent event, SubTransactionId, SubTransactionId, void *) {
  if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
    return;
  const int level = GetCurrentTransactionNestLevel();
  const bool committed = event == SUBXACT_EVENT_COMMIT_SUB;
  statements_subtransaction_ended(level, committed);
  transaction_objects::subtransaction_ended(level, committed);
  if (!committed)
    guard_work_aborted(level);
}

} // namespace

void watch_transactions() {
  RegisterXactCallback(transaction_event, nullptr);
  RegisterSubXactCallback(subtransaction_event, nullptr);
}

} // namespace schema_guard
