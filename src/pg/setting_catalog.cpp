#include "pg/setting_catalog.hpp"

#include "pg/extension.hpp"
#include "pg/query.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/rel.h"
}

namespace schema_guard {

namespace {

// A row of pg_db_role_setting has them as an array of name=value.
char *setting_in(HeapTuple tuple, TupleDesc description, const char *name) {
  bool null = true;
  const Datum entries = heap_getattr(tuple, Anum_pg_db_role_setting_setconfig, description, &null);
  if (null)
    return nullptr;
  Datum *texts = nullptr;
  int count = 0;
  deconstruct_array(DatumGetArrayTypeP(entries), TEXTOID, -1, false, TYPALIGN_INT, &texts, nullptr, &count);
  const size_t length = strlen(name);
  for (int place = 0; place < count; ++place) {
    const char *entry = TextDatumGetCString(texts[place]);
    if (pg_strncasecmp(entry, name, length) == 0 && entry[length] == '=')
      return pstrdup(entry + length + 1);
  }
  return nullptr;
}

} // namespace

char *stored_setting(Oid database, Oid role, const char *name) {
  Relation catalog = table_open(DbRoleSettingRelationId, AccessShareLock);
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], Anum_pg_db_role_setting_setdatabase, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(database));
  ScanKeyInit(&keys[1], Anum_pg_db_role_setting_setrole, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(role));
  SysScanDesc scan = systable_beginscan(catalog, DbRoleSettingDatidRolidIndexId, true, nullptr, 2, keys);
  HeapTuple tuple = systable_getnext(scan);
  char *result = HeapTupleIsValid(tuple) ? setting_in(tuple, RelationGetDescr(catalog), name) : nullptr;
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return result;
}

void settings_of_databases(const char *name, Vector<const char *> &found) {
  Relation catalog = table_open(DbRoleSettingRelationId, AccessShareLock);
  SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, nullptr, 0, nullptr);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple); tuple = systable_getnext(scan)) {
    const auto *row = reinterpret_cast<Form_pg_db_role_setting>(GETSTRUCT(tuple));
    if (!OidIsValid(row->setdatabase) || OidIsValid(row->setrole))
      continue;
    if (const char *value = setting_in(tuple, RelationGetDescr(catalog), name); value != nullptr)
      found.push_back(value);
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
}

const char *file_setting(const char *name, SettingFile file) {
  // Where the guard has no tables there is nobody to run its queries as; nor does such a database have much stored.
  if (guard_objects() == nullptr)
    return GetConfigOption(name, true, false) == nullptr ? nullptr : GetConfigOptionResetString(name);
  GuardQuery query = GuardQuery::open();
  query.execute(R"(
SELECT setting FROM pg_catalog.pg_file_settings
 WHERE pg_catalog.lower(name) = $1 AND (applied OR error IS NULL)
   AND $2 IN (0, CASE WHEN sourcefile ~ 'postgresql\.auto\.conf$' THEN 1 ELSE 2 END) ORDER BY seqno DESC LIMIT 1)",
                {text_argument(name), bigint_argument(static_cast<int64>(file))});
  char *result = query.rows() == 0 ? nullptr : query.text(0, 1, TopTransactionContext);
  query.close();
  return result;
}

} // namespace schema_guard
