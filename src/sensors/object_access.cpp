// Ring 2: object_access_hook. It sees every deletion and truncation by OID, cascades included, whatever
// session_replication_role says. Nothing that the first ring missed passes it.
#include "sensors/object_access.hpp"

#include "pg/extension.hpp"
#include "pg/object_facts.hpp"
#include "pg/object_lookup.hpp"
#include "pg/relation_size.hpp"
#include "pg/settings.hpp"
#include "pg/transaction_objects.hpp"
#include "sensors/conversion.hpp"
#include "sensors/sensor.hpp"
#include "sensors/statement.hpp"
#include "sensors/temporary.hpp"
#include "sensors/unforeseen.hpp"

extern "C" {
#include "catalog/dependency.h"
#include "catalog/objectaccess.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "utils/acl.h"
#include "commands/dbcommands.h"
#include "utils/lsyscache.h"
}

namespace schema_guard {

namespace {

object_access_hook_type next_hook = nullptr;

// Databases, tables and columns, and the attributes of composite types. Of everything else ring 1's word is enough.
bool may_hold_rows(const Address &object) {
  if (object.class_id == DatabaseRelationId) {
    if (!can_drop_database(object.object_id))
      return false;
    const char *name = get_database_name(object.object_id);
    return name == nullptr || is_protected_database(name);
  }
  if (object.class_id != RelationRelationId)
    return false;
  switch (get_rel_relkind(object.object_id)) {
  case RELKIND_RELATION:
  case RELKIND_PARTITIONED_TABLE:
  case RELKIND_MATVIEW:
    return true;
  case RELKIND_COMPOSITE_TYPE:
    return object.sub_id != 0;
  default:
    return false;
  }
}

void dropped(const Address &object, const ObjectAccessDrop *details) {
  if (inert() || !may_hold_rows(object) || take_cleared_drop(object))
    return;
  if (details != nullptr && is_clean_up(details->dropflags))
    record_clean_up(object);
  else
    judge_unforeseen(object, Deed::drop, "DROP");
}

// PostgreSQL asks for the privilege after this (truncate_check_perms), and not at all for what the parent brings along.
bool may_truncate(Oid relation) {
  if (pg_class_aclcheck(relation, GetUserId(), ACL_TRUNCATE) == ACLCHECK_OK)
    return true;
  if (!get_rel_relispartition(relation))
    return has_superclass(relation);
  const ListCell *cell = nullptr;
  foreach (cell, get_partition_ancestors(relation))
    if (pg_class_aclcheck(lfirst_oid(cell), GetUserId(), ACL_TRUNCATE) == ACLCHECK_OK)
      return true;
  return false;
}

// Of a table that the statement names, PostgreSQL tells before it locks it (RangeVarCallbackForTruncate in
// commands/tablecmds.c), and locks it next: so the lock that keeps an empty one empty comes in its place. Of any other,
// PostgreSQL has the lock by then.
void truncated(const Address &object) {
  if (inert() || is_cleared_truncation(object) || !may_truncate(object.object_id) || lock_if_empty(object.object_id))
    return;
  // PostgreSQL asks this hook first, and looks for foreign keys then.
  if (const Statement *statement = innermost_statement();
      statement != nullptr && statement->expected_to_fail != nullptr)
    statement->expected_to_fail->push_back(object);
  else
    judge_unforeseen(object, Deed::truncate, "TRUNCATE TABLE");
}

void created(const Address &object, const ObjectAccessPostCreate *details) {
  if (inert())
    return;
  if (object.class_id == RelationRelationId || object.class_id == NamespaceRelationId)
    transaction_objects::created(object);
  if (details == nullptr || !details->is_internal)
    note_changed(object);
}

void altered(const Address &object, const ObjectAccessPostAlter *details) {
  if ((details != nullptr && details->is_internal) || inert())
    return;
  if (object.class_id == RelationRelationId && object.sub_id > 0 && is_at_work(Sensor::object_access))
    column_altered(object);
  note_changed(object);
}

// PostgreSQL's own functions describe it, as long as it is there.
void remember_dropped(const Address &object) {
  if (inert() || !wants_dropped() || !is_objectclass_supported(object.class_id))
    return;
  const ::ObjectAddress address{object.class_id, object.object_id, object.sub_id};
  const char *type = getObjectTypeDescription(&address, true);
  const char *identity = getObjectIdentity(&address, true);
  if (type != nullptr && identity != nullptr)
    note_dropped({.object_type = type, .identity = identity, .path = {}});
}

// A table of the guard's is changed by what takes a trigger or the like from it.
void note_guard_changed(const Address &part) {
  const Statement *statement = innermost_statement();
  if (statement == nullptr || !statement->spares_guard || inert())
    return;
  const Address whole = whole_of_part(part);
  if (whole.class_id == RelationRelationId && get_rel_namespace(whole.object_id) == guard_objects()->schema)
    note_changed(whole);
}

// Internal deletions remove what a command itself has made, such as the transient heap of a rewrite, and temporary
// objects. But they cascade: a permanent column of a temporary type goes with the type. So these are judged as any
// other, unless nobody is there to hear it; only the record takes no notice of them.
bool is_internal(const ObjectAccessDrop *details) {
  return details != nullptr && (details->dropflags & PERFORM_DELETION_INTERNAL) != 0;
}

void object_accessed(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *argument) {
  if (next_hook != nullptr)
    next_hook(access, class_id, object_id, sub_id, argument);
  const Address object{class_id, object_id, sub_id};
  switch (access) {
  case OAT_POST_CREATE:
    return created(object, static_cast<const ObjectAccessPostCreate *>(argument));
  case OAT_POST_ALTER:
    return altered(object, static_cast<const ObjectAccessPostAlter *>(argument));
  case OAT_DROP:
    if (is_at_work(Sensor::object_access))
      dropped(object, static_cast<const ObjectAccessDrop *>(argument));
    if (!is_internal(static_cast<const ObjectAccessDrop *>(argument)))
      remember_dropped(object);
    note_guard_changed(object);
    return;
  case OAT_TRUNCATE:
    if (is_at_work(Sensor::object_access))
      truncated(object);
    return;
  default:
    return; // names and functions are looked up all the time
  }
}

} // namespace

void judge_unexpected_truncation() {
  const Statement *statement = innermost_statement();
  if (statement == nullptr || statement->expected_to_fail == nullptr)
    return;
  const Vector<Address> tables = *statement->expected_to_fail;
  for (const Address &table : tables)
    judge_unforeseen(table, Deed::truncate, "TRUNCATE TABLE");
}

void watch_object_access() {
  next_hook = object_access_hook;
  object_access_hook = object_accessed;
}

} // namespace schema_guard
