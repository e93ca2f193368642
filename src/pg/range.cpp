#include "pg/range.hpp"

#include "pg/compat.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/dbcommands.h"
#include "storage/lockdefs.h"
}

namespace schema_guard {

// What RangeVarGetRelidExtended and LookupExplicitNamespace (catalog/namespace.c) would raise an error for.
Oid relation_named(const RangeVar *range) {
  if (range->catalogname != nullptr && strcmp(range->catalogname, get_database_name(MyDatabaseId)) != 0)
    return InvalidOid;
  if (range->schemaname == nullptr)
    return RangeVarGetRelid(range, NoLock, true);
  if (range->relpersistence == RELPERSISTENCE_TEMP)
    return InvalidOid;
  if (strcmp(range->schemaname, "pg_temp") != 0) {
    const Oid schema = get_namespace_oid(range->schemaname, true);
    if (!OidIsValid(schema) || !compat::has_schema_privilege(schema, GetUserId(), ACL_USAGE))
      return InvalidOid;
  }
  return RangeVarGetRelid(range, NoLock, true);
}

} // namespace schema_guard
