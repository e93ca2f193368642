#include "pg/dependency_rows.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_depend.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
}

namespace schema_guard {

namespace {

DependencyRow read_row(HeapTuple tuple) {
  const auto *row = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
  return {{row->classid, row->objid, row->objsubid},
          {row->refclassid, row->refobjid, row->refobjsubid},
          static_cast<DependencyKind>(row->deptype),
          TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data))};
}

bool is_asked_for(const Address &asked, const Address &there) {
  return asked.sub_id == 0 || there.sub_id == 0 || there.sub_id == asked.sub_id;
}

} // namespace

void dependency_rows(const Address &object, DependencyEnd end, Vector<DependencyRow> &found) {
  const bool depender = end == DependencyEnd::depender;
  Relation depend = table_open(DependRelationId, AccessShareLock);
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], depender ? Anum_pg_depend_classid : Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(object.class_id));
  ScanKeyInit(&keys[1], depender ? Anum_pg_depend_objid : Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(object.object_id));
  SysScanDesc scan =
      systable_beginscan(depend, depender ? DependDependerIndexId : DependReferenceIndexId, true, nullptr, 2, keys);
  HeapTuple tuple = nullptr;
  while (HeapTupleIsValid(tuple = systable_getnext(scan)))
    if (const DependencyRow row = read_row(tuple); is_asked_for(object, depender ? row.depender : row.referenced))
      found.push_back(row);
  systable_endscan(scan);
  table_close(depend, AccessShareLock);
}

void new_dependers(Vector<Address> &found) {
  Relation depend = table_open(DependRelationId, AccessShareLock);
  SysScanDesc scan = systable_beginscan(depend, InvalidOid, false, nullptr, 0, nullptr);
  HeapTuple tuple = nullptr;
  while (HeapTupleIsValid(tuple = systable_getnext(scan)))
    if (const DependencyRow row = read_row(tuple); row.is_new && (found.empty() || found.back() != row.depender))
      found.push_back(row.depender);
  systable_endscan(scan);
  table_close(depend, AccessShareLock);
}

} // namespace schema_guard
