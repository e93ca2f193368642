#include "pg/relation_size.hpp"

#include "pg/compat.hpp"

extern "C" {
#include "access/htup_details.h"
#include "utils/rel.h"
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

} // namespace

double estimated_rows(Oid relation) {
  FormData_pg_class form;
  if (!read_relation(relation, form) || form.relkind == RELKIND_PARTITIONED_TABLE)
    return -1;
  const PgStat_StatTabEntry *entry = pgstat_fetch_stat_tabentry(relation);
  if (entry != nullptr && compat::live_rows(entry) > 0)
    return static_cast<double>(compat::live_rows(entry));
  return form.reltuples;
}

int64 bytes_on_disk(Oid relation) {
  FormData_pg_class form;
  if (!read_relation(relation, form) || !OidIsValid(form.relfilenode))
    return -1;
  int64 bytes = bytes_of_fork(form);
  FormData_pg_class toast;
  if (OidIsValid(form.reltoastrelid) && read_relation(form.reltoastrelid, toast))
    bytes += bytes_of_fork(toast);
  return bytes;
}

} // namespace schema_guard
