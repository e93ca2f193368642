#include "pg/relation_size.hpp"

#include "pg/compat.hpp"

extern "C" {
#include "access/htup_details.h"
#include "storage/lmgr.h"
#include "utils/syscache.h"

#include <sys/stat.h>
}

namespace schema_guard {

namespace {

bool read_relation(Oid relation, FormData_pg_class &form) {
  HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
  if (!HeapTupleIsValid(tuple))
    return false;
  form = *reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
  ReleaseSysCache(tuple);
  return true;
}

// A relation is cut into segments of 1 GB: path, path.1, path.2 …
int64 length_of_segments(const char *path) {
  int64 bytes = 0;
  struct stat status {};
  char segment[MAXPGPATH];
  strlcpy(segment, path, sizeof(segment));
  for (int number = 1; stat(segment, &status) == 0; ++number) {
    bytes += status.st_size;
    if (status.st_size < static_cast<off_t>(RELSEG_SIZE) * BLCKSZ)
      break;
    snprintf(segment, sizeof(segment), "%s.%d", path, number);
  }
  return bytes;
}

int64 bytes_of_fork(const FormData_pg_class &form) {
  char path[MAXPGPATH];
  compat::main_fork_path(&form, path, sizeof(path));
  return length_of_segments(path);
}

double estimate_rows(const FormData_pg_class &form, int64 main_bytes) {
  if (form.reltuples > 0 && form.relpages > 0)
    return static_cast<double>(form.reltuples) / form.relpages * (static_cast<double>(main_bytes) / BLCKSZ);
  const PgStat_StatTabEntry *entry = pgstat_fetch_stat_tabentry(form.oid);
  if (entry != nullptr && compat::live_rows(entry) > 0)
    return static_cast<double>(compat::live_rows(entry));
  return form.reltuples;
}

} // namespace

RelationSize relation_size(Oid relation) {
  RelationSize size{.rows = -1, .bytes = -1};
  FormData_pg_class form;
  // A partitioned table has no files: its partitions are mentioned with theirs.
  if (!read_relation(relation, form) || !OidIsValid(form.relfilenode))
    return size;
  size.bytes = bytes_of_fork(form);
  size.rows = estimate_rows(form, size.bytes);
  FormData_pg_class toast;
  if (OidIsValid(form.reltoastrelid) && read_relation(form.reltoastrelid, toast))
    size.bytes += bytes_of_fork(toast);
  return size;
}

bool is_empty(Oid relation) {
  FormData_pg_class form;
  if (!read_relation(relation, form) || form.relpersistence == RELPERSISTENCE_TEMP)
    return false;
  // What a partitioned table has is in its partitions.
  return form.relkind == RELKIND_PARTITIONED_TABLE ||
         (form.relkind == RELKIND_RELATION && relation_size(relation).bytes == 0);
}

bool lock_if_empty(Oid relation) {
  if (!is_empty(relation))
    return false;
  LockRelationOid(relation, AccessExclusiveLock);
  return is_empty(relation);
}

} // namespace schema_guard
