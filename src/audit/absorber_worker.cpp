#include "audit/absorber_worker.hpp"

#include "audit/absorber.hpp"
#include "pg/extension.hpp"

extern "C" {
#include "catalog/pg_extension.h"
#include "libpq/pqsignal.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"

PGDLLEXPORT void schema_guard_absorber_main(Datum database);
}

namespace schema_guard {

namespace {

constexpr int longest_wait = 500; // milliseconds
constexpr int stay = 500;         // milliseconds without anything new, after which the worker ends
constexpr int batch = 1000;       // entries in one transaction of the worker's

// Whatever the database or a role has set for its sessions.
struct Setting {
  const char *name;
  const char *value;
};
constexpr Setting worker_settings[] = {
    {"synchronous_commit", "off"}, // the journal is on disk already; a lost commit is absorbed again
    {"lock_timeout", "200ms"},
    {"statement_timeout", "0"},
    {"default_transaction_read_only", "off"},
    {"default_transaction_isolation", "read committed"},
    {"default_transaction_deferrable", "off"},
    {"application_name", "schema_guard absorber"},
};

bool waited_in_vain = false; // this session, in the transaction under way

// Two locks tell sessions and workers of each other. PostgreSQL's own locks on objects have no
// fourth field (storage/lmgr/lmgr.c), so nobody else's is the same. A session holds the first while it starts workers,
// so that the others don't; a worker holds the second while it looks at the journal.
enum class Token : uint16 { starting = 0x53, present = 0x54 };

LOCKTAG tag_of(Token token) {
  LOCKTAG tag;
  SET_LOCKTAG_OBJECT(tag, MyDatabaseId, ExtensionRelationId, 0x6d616775, static_cast<uint16>(token));
  return tag;
}

bool try_lock(Token token, LOCKMODE mode, bool for_session) {
  const LOCKTAG tag = tag_of(token);
  return LockAcquire(&tag, mode, for_session, true) != LOCKACQUIRE_NOT_AVAIL;
}

void unlock(Token token, LOCKMODE mode, bool for_session) {
  const LOCKTAG tag = tag_of(token);
  LockRelease(&tag, mode, for_session);
}

bool worker_is_present() {
  if (!try_lock(Token::present, ShareLock, false))
    return true;
  unlock(Token::present, ShareLock, false);
  return false;
}

bool register_worker(pid_t notified, BackgroundWorkerHandle **handle) {
  BackgroundWorker worker{};
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = BGW_NEVER_RESTART;
  worker.bgw_notify_pid = notified;
  worker.bgw_main_arg = ObjectIdGetDatum(MyDatabaseId);
  strlcpy(worker.bgw_name, "schema_guard absorber", BGW_MAXLEN);
  strlcpy(worker.bgw_type, "schema_guard absorber", BGW_MAXLEN);
  strlcpy(worker.bgw_library_name, "schema_guard", sizeof(worker.bgw_library_name));
  strlcpy(worker.bgw_function_name, "schema_guard_absorber_main", sizeof(worker.bgw_function_name));
  return RegisterDynamicBackgroundWorker(&worker, handle);
}

void wait_a_little() {
  (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 1, PG_WAIT_EXTENSION);
  ResetLatch(MyLatch);
  CHECK_FOR_INTERRUPTS();
}

// A transaction of the worker's own.
Absorption absorb_batch() {
  StartTransactionCommand();
  PushActiveSnapshot(GetTransactionSnapshot());
  Absorption result{.entries = 0, .damaged_bytes = 0, .damaged_at = -1, .busy = false, .complete = true};
  if (whole_guard() != nullptr)
    result = absorb(batch);
  PopActiveSnapshot();
  CommitTransactionCommand();
  return result;
}

// False if somebody was in the way.
bool absorb_all() {
  Absorption result = absorb_batch();
  while (!result.complete && !result.busy) {
    CHECK_FOR_INTERRUPTS();
    result = absorb_batch();
  }
  return !result.busy;
}

// A denial seldom comes alone, and the next one need not wait for another process to come up.
void absorb_while_there_is_more() {
  int64 absorbed = -1;
  TimestampTz last = GetCurrentTimestamp();
  while (!TimestampDifferenceExceeds(last, GetCurrentTimestamp(), stay)) {
    const int64 length = journal_length();
    if (length == absorbed || !absorb_all()) {
      wait_a_little();
      continue;
    }
    absorbed = length;
    last = GetCurrentTimestamp();
  }
}

void rotate() {
  StartTransactionCommand();
  PushActiveSnapshot(GetTransactionSnapshot());
  rotate_absorbed_journal();
  PopActiveSnapshot();
  CommitTransactionCommand();
}

} // namespace

// One that this session has started lately is there for what has come since.
bool start_absorber() {
  static BackgroundWorkerHandle *last = nullptr;
  pid_t pid = 0;
  if (last != nullptr && GetBackgroundWorkerPid(last, &pid) != BGWH_STOPPED)
    return true;
  if (last != nullptr)
    pfree(last);
  last = nullptr;
  MemoryContext previous = MemoryContextSwitchTo(TopMemoryContext);
  const bool registered = register_worker(0, &last);
  MemoryContextSwitchTo(previous);
  return registered;
}

AbsorberTurn begin_absorption() {
  AbsorberTurn turn{.starting = false, .worker = nullptr};
  if (worker_is_present() || !try_lock(Token::starting, ExclusiveLock, false))
    return turn;
  turn.starting = true;
  (void)register_worker(MyProcPid, &turn.worker);
  return turn;
}

void cancel_absorption(AbsorberTurn turn) {
  if (turn.starting)
    unlock(Token::starting, ExclusiveLock, false);
}

void await_absorption(AbsorberTurn turn, const JournalPosition &position) {
  const TimestampTz begin = GetCurrentTimestamp();
  bool second_worker = false;
  while (!absorbed_to(position) && !TimestampDifferenceExceeds(begin, GetCurrentTimestamp(), longest_wait)) {
    if (!turn.starting)
      turn = begin_absorption();
    if (turn.starting && turn.worker == nullptr)
      break; // there is no free slot
    pid_t pid = 0;
    if (turn.worker != nullptr && GetBackgroundWorkerPid(turn.worker, &pid) == BGWH_STOPPED && !worker_is_present()) {
      if (second_worker || absorbed_to(position))
        break;
      second_worker = true;
      turn.worker = nullptr;
      (void)register_worker(MyProcPid, &turn.worker);
      continue;
    }
    wait_a_little();
  }
  waited_in_vain = !absorbed_to(position);
  cancel_absorption(turn);
}

void retry_absorption() {
  if (waited_in_vain)
    (void)start_absorber();
  waited_in_vain = false;
}

} // namespace schema_guard

void schema_guard_absorber_main(Datum database) {
  using namespace schema_guard;
  pqsignal(SIGTERM, die);
  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid, BGWORKER_BYPASS_ALLOWCONN);
  for (const auto &[name, value] : worker_settings)
    SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
  pgstat_report_activity(STATE_RUNNING, "absorbing the schema_guard journal");
  StartTransactionCommand();
  const bool alone = try_lock(Token::present, ExclusiveLock, true);
  CommitTransactionCommand();
  if (!alone)
    return;
  absorb_while_there_is_more();
  rotate();
  unlock(Token::present, ExclusiveLock, true);
  // Whoever saw it held, has appended before this.
  (void)absorb_all();
}
