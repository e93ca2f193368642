#include "pg/sequence.hpp"

#include "pg/extension.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "commands/sequence.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/fmgrprotos.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace schema_guard {

namespace {

constexpr int most_tries = 1000; // of a tenth of a millisecond each

// What comes between the look at the sequence and its change would be given out twice. PostgreSQL's own locks on
// objects have no fourth field (storage/lmgr/lmgr.c), so nobody else's is the same; an advisory lock would turn up
// where applications look for theirs.
LOCKTAG sequence_lock(Oid sequence) {
  LOCKTAG tag;
  SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, sequence, 0x55);
  return tag;
}

bool try_lock(const LOCKTAG &tag, Oid sequence) {
  for (int tries = 0; tries < most_tries; ++tries) {
    if (ConditionalLockRelationOid(sequence, RowExclusiveLock) &&
        LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL)
      return true;
    CHECK_FOR_INTERRUPTS();
    pg_usleep(100);
  }
  return false;
}

// A sequence is a relation with one row.
int64 next_number(Oid sequence) {
  Relation relation = relation_open(sequence, NoLock);
  SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, SnapshotSelf, 0, nullptr);
  HeapTuple tuple = systable_getnext(scan);
  if (!HeapTupleIsValid(tuple))
    ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("sequence of schema_guard has no row"));
  const auto *row = reinterpret_cast<FormData_pg_sequence_data *>(GETSTRUCT(tuple));
  const int64 next = row->is_called ? row->last_value + 1 : row->last_value;
  systable_endscan(scan);
  relation_close(relation, NoLock);
  return next;
}

} // namespace

int64 allocate_numbers(Oid sequence, int count) {
  const LOCKTAG tag = sequence_lock(sequence);
  if (XactReadOnly || !try_lock(tag, sequence))
    return 0;
  int64 first = next_number(sequence);
  // Somebody has set it to its end. A number that is given twice does less harm than none.
  if (first <= 0 || first > PG_INT64_MAX - count)
    first = PG_INT64_MAX - count;
  // setval() asks for the caller's privileges.
  Oid user = InvalidOid;
  int security_context = 0;
  GetUserIdAndSecContext(&user, &security_context);
  SetUserIdAndSecContext(guard_objects()->owner, security_context | SECURITY_LOCAL_USERID_CHANGE);
  (void)DirectFunctionCall2(setval_oid, ObjectIdGetDatum(sequence), Int64GetDatum(first + count - 1));
  SetUserIdAndSecContext(user, security_context);
  LockRelease(&tag, ExclusiveLock, false);
  return first;
}

} // namespace schema_guard
