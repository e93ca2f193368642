#include "pg/object_owner.hpp"

#include "pg/compat.hpp"
#include "pg/object_facts.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "utils/acl.h"
#include "utils/rel.h"
}

namespace schema_guard {

namespace {

// The owner of an object, or of the relation that it is a part of. What has none is left to PostgreSQL, and to ring 2
// if PostgreSQL lets it pass.
Oid owner_of(const ::ObjectAddress &object) {
  if (const Address whole = whole_of_part({object.classId, object.objectId, 0}); whole.valid())
    return owner_of({RelationRelationId, whole.object_id, 0});
  const AttrNumber owner_column = get_object_attnum_owner(object.classId);
  if (owner_column == InvalidAttrNumber)
    return InvalidOid;
  Relation catalog = table_open(object.classId, AccessShareLock);
  HeapTuple tuple = get_catalog_object_by_oid(catalog, get_object_attnum_oid(object.classId), object.objectId);
  bool null = true;
  const Datum owner =
      HeapTupleIsValid(tuple) ? heap_getattr(tuple, owner_column, RelationGetDescr(catalog), &null) : Datum{0};
  table_close(catalog, AccessShareLock);
  return null ? InvalidOid : DatumGetObjectId(owner);
}

// DROP CAST: whoever owns either type.
bool owns_type_of_cast(Oid cast) {
  Relation catalog = table_open(CastRelationId, AccessShareLock);
  HeapTuple tuple = get_catalog_object_by_oid(catalog, Anum_pg_cast_oid, cast);
  Oid types[2] = {InvalidOid, InvalidOid};
  if (HeapTupleIsValid(tuple)) {
    const auto *form = reinterpret_cast<Form_pg_cast>(GETSTRUCT(tuple));
    types[0] = form->castsource;
    types[1] = form->casttarget;
  }
  table_close(catalog, AccessShareLock);
  for (const Oid type : types)
    if (OidIsValid(type) && has_privs_of_role(GetUserId(), owner_of({TypeRelationId, type, 0})))
      return true;
  return false;
}

} // namespace

// RemoveObjects (commands/dropcmds.c) and check_object_ownership (catalog/objectaddress.c).
bool may_drop(const Address &address) {
  const ::ObjectAddress object{address.class_id, address.object_id, address.sub_id};
  if (superuser())
    return true;
  const Oid schema = get_object_namespace(&object);
  if (OidIsValid(schema) && compat::owns(NamespaceRelationId, schema, GetUserId()))
    return true;
  if (object.classId == CastRelationId)
    return owns_type_of_cast(object.objectId);
  const Oid owner = owner_of(object);
  return OidIsValid(owner) && has_privs_of_role(GetUserId(), owner);
}

} // namespace schema_guard
