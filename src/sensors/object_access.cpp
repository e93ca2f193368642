// Ring 2: object_access_hook. It sees every deletion by OID, cascades included, after PostgreSQL's own checks and
// whatever session_replication_role says. Nothing that the first ring missed passes it.
#include "pg/extension.hpp"
#include "pg/live_catalog.hpp"
#include "pg/memory.hpp"
#include "pg/transaction_objects.hpp"
#include "sensors/guard.hpp"
#include "sensors/sensor.hpp"
#include "sensors/statement.hpp"

extern "C" {
#include "catalog/dependency.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "utils/lsyscache.h"
}

namespace schema_guard {

namespace {

object_access_hook_type next_hook = nullptr;

// Tables and columns, and the attributes of composite types. Of everything else ring 1's word is enough.
bool may_hold_rows(const Address &object) {
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

void dropped(const Address &object) {
  if (inert() || !may_hold_rows(object) || take_cleared_effect(object))
    return;
  ContextArena arena;
  LiveCatalog catalog(arena);
  Effects found(arena);
  Effect effect;
  const bool matters = drop_effect(object, catalog, effect);
  catalog.close();
  if (!matters)
    return;
  const Statement *statement = innermost_statement();
  // What the statement names, ring 1 would have foreseen.
  effect.cascaded = statement != nullptr;
  found.list.push_back(effect);

  const Sighting sighting{.sensor = sensor::object_access,
                          .command_tag = statement == nullptr ? "DROP" : statement->record.command_tag,
                          .statement = statement == nullptr ? nullptr : statement->record.statement,
                          .seen_at = GetCurrentTimestamp(),
                          .begun = statement};
  const Passed passed = guard(found, sighting, arena);
  if (passed.recorded)
    write_record(passed.record);
}

void created(const Address &object, const ObjectAccessPostCreate *details) {
  if (inert())
    return;
  if (object.class_id == RelationRelationId)
    transaction_objects::created(object);
  if (details == nullptr || !details->is_internal)
    note_changed(object);
}

void altered(const Address &object, const ObjectAccessPostAlter *details) {
  if ((details == nullptr || !details->is_internal) && !inert())
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

// Internal deletions remove what a command itself has made, such as the transient heap of a rewrite, and temporary
// objects. But they cascade: a permanent column of a temporary type goes with the type. So these are judged as any
// other; only the record takes no notice of them.
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
    if (class_id == RelationRelationId)
      dropped(object);
    if (!is_internal(static_cast<const ObjectAccessDrop *>(argument)))
      remember_dropped(object);
    return;
  default:
    return; // names and functions are looked up all the time
  }
}

} // namespace

void watch_object_access() {
  next_hook = object_access_hook;
  object_access_hook = object_accessed;
}

} // namespace schema_guard
