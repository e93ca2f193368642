// What pg_db_role_setting has, and what a list of libraries means.
#include "pg/stored_setting.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_type.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/varlena.h"
}

namespace schema_guard {

bool lists_guard_library(const char *libraries) {
  if (libraries == nullptr)
    return false;
  List *names = NIL;
  if (!SplitDirectoriesString(pstrdup(libraries), ',', &names))
    return false;
  const ListCell *cell = nullptr;
  foreach (cell, names) {
    const auto *path = static_cast<const char *>(lfirst(cell));
    const char *slash = strrchr(path, '/');
    const char *file = slash == nullptr ? path : slash + 1;
    if (strcmp(file, "schema_guard") == 0 || strcmp(file, "schema_guard" DLSUFFIX) == 0)
      return true;
  }
  return false;
}

char *stored_setting(Oid database, Oid role, const char *name) {
  Relation catalog = table_open(DbRoleSettingRelationId, AccessShareLock);
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], Anum_pg_db_role_setting_setdatabase, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(database));
  ScanKeyInit(&keys[1], Anum_pg_db_role_setting_setrole, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(role));
  SysScanDesc scan = systable_beginscan(catalog, DbRoleSettingDatidRolidIndexId, true, nullptr, 2, keys);
  char *result = nullptr;
  if (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple)) {
    bool null = true;
    const Datum entries = heap_getattr(tuple, Anum_pg_db_role_setting_setconfig, RelationGetDescr(catalog), &null);
    Datum *texts = nullptr;
    int count = 0;
    if (!null)
      deconstruct_array(DatumGetArrayTypeP(entries), TEXTOID, -1, false, TYPALIGN_INT, &texts, nullptr, &count);
    const size_t length = strlen(name);
    for (int place = 0; place < count && result == nullptr; ++place) {
      const char *entry = TextDatumGetCString(texts[place]);
      if (pg_strncasecmp(entry, name, length) == 0 && entry[length] == '=')
        result = pstrdup(entry + length + 1);
    }
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return result;
}

} // namespace schema_guard
