#include "sensors/temporary.hpp"

#include "pg/live_catalog.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "utils/syscache.h"
}

namespace schema_guard {

namespace {

// Of what a statement has touched, some may be gone by its end, such as the transient table of a rewrite.
bool lasts(const Address &object, Oid temporary_schema) {
  if (!is_objectclass_supported(object.class_id))
    return false;
  const int cache = get_object_catcache_oid(object.class_id);
  if (cache < 0 || !SearchSysCacheExists1(cache, ObjectIdGetDatum(object.object_id)))
    return false;
  const ::ObjectAddress address{object.class_id, object.object_id, object.sub_id};
  return get_object_namespace(&address) != temporary_schema;
}

} // namespace

Effects ending_effects(const Vector<Address> &changed, Arena &arena) {
  Oid schema = InvalidOid;
  Oid toast_schema = InvalidOid;
  GetTempNamespaceState(&schema, &toast_schema);
  bool any = false;
  if (OidIsValid(schema))
    for (const Address &object : changed)
      any |= lasts(object, schema);
  if (!any)
    return Effects(arena);
  LiveCatalog catalog(arena);
  Effects result = effects_of_ending({NamespaceRelationId, schema, 0}, catalog, arena);
  catalog.close();
  return result;
}

} // namespace schema_guard
