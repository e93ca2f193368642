#include "audit/absorber_worker.hpp"

#include "audit/absorber.hpp"
#include "pg/extension.hpp"

extern "C" {
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
constexpr int batch = 1000;       // entries in one transaction of the worker's

// The session that starts a worker holds this; the others wait for what that worker does. SQL's advisory locks set
// field 4 to 1 or 2 (utils/adt/lockfuncs.c), so nobody else's lock is the same.
LOCKTAG starting_lock() {
  LOCKTAG tag;
  SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0x73636865, 0x6d616775, 0x53);
  return tag;
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

// A transaction of the worker's own. Returns false when there is nothing more to do.
bool absorb_batch() {
  StartTransactionCommand();
  PushActiveSnapshot(GetTransactionSnapshot());
  Absorption result{};
  result.complete = true;
  if (guard_objects() != nullptr)
    result = absorb(batch);
  PopActiveSnapshot();
  CommitTransactionCommand();
  return !result.complete && !result.busy;
}

void rotate() {
  StartTransactionCommand();
  PushActiveSnapshot(GetTransactionSnapshot());
  rotate_absorbed_journal();
  PopActiveSnapshot();
  CommitTransactionCommand();
}

} // namespace

bool start_absorber() { return register_worker(0, nullptr); }

AbsorberTurn begin_absorption() {
  const LOCKTAG tag = starting_lock();
  AbsorberTurn turn{.starting = LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL,
                    .worker = nullptr};
  if (turn.starting)
    (void)register_worker(MyProcPid, &turn.worker);
  return turn;
}

void cancel_absorption(AbsorberTurn turn) {
  const LOCKTAG tag = starting_lock();
  if (turn.starting)
    LockRelease(&tag, ExclusiveLock, false);
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
    if (turn.worker != nullptr && GetBackgroundWorkerPid(turn.worker, &pid) == BGWH_STOPPED) {
      if (second_worker || absorbed_to(position))
        break;
      second_worker = true;
      turn.worker = nullptr;
      (void)register_worker(MyProcPid, &turn.worker);
      continue;
    }
    wait_a_little();
  }
  cancel_absorption(turn);
}

} // namespace schema_guard

void schema_guard_absorber_main(Datum database) {
  using namespace schema_guard;
  pqsignal(SIGTERM, die);
  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid, BGWORKER_BYPASS_ALLOWCONN);
  // The journal is on disk already; a lost commit is absorbed again.
  SetConfigOption("synchronous_commit", "off", PGC_SUSET, PGC_S_OVERRIDE);
  SetConfigOption("lock_timeout", "200ms", PGC_SUSET, PGC_S_OVERRIDE);
  SetConfigOption("application_name", "schema_guard absorber", PGC_USERSET, PGC_S_OVERRIDE);
  pgstat_report_activity(STATE_RUNNING, "absorbing the schema_guard journal");
  while (absorb_batch())
    CHECK_FOR_INTERRUPTS();
  rotate();
}
