#include "pg/live_catalog.hpp"

#include "pg/memory.hpp"
#include "pg/object_facts.hpp"
#include "pg/object_lookup.hpp"
#include "pg/relation_size.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/heap.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_shdepend.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace schema_guard {

namespace {

// heap_truncate_check_FKs (catalog/heap.c): foreign keys are triggers, but for partitioned tables.
bool may_be_referenced(Oid relation) {
  HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
  if (!HeapTupleIsValid(tuple))
    return false;
  const auto *form = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
  const bool may_be = form->relhastriggers || form->relkind == RELKIND_PARTITIONED_TABLE;
  ReleaseSysCache(tuple);
  return may_be;
}

} // namespace

LiveCatalog::LiveCatalog(Arena &arena) : arena_(arena), dependencies_(arena), changes_(arena) {}

void LiveCatalog::close() { dependencies_.close(); }

Resolution LiveCatalog::resolve(const Target &target) {
  if (target.object_type != stored_setting_object)
    return look_up(target);
  const auto change = weakening_change(static_cast<const Node *>(target.node));
  if (!change)
    return {Resolution::Status::missing, {}};
  changes_.push_back(*change);
  return {Resolution::Status::found, change->address};
}

// What is no object has no catalog to be described from.
ObjectDescription LiveCatalog::describe_setting(const Address &address) {
  for (const SettingChange &change : changes_)
    if (change.address == address) {
      const std::string_view identity = arena_.copy(change.identity);
      return {.object_type = "setting", .identity = identity, .path = identity};
    }
  return {.object_type = "setting", .identity = "(unknown)", .path = {}};
}

void LiveCatalog::dependents(const Address &object, Vector<Dependency> &found) {
  dependencies_.dependents(object, found);
}

void LiveCatalog::owners(const Address &object, Vector<Dependency> &found) { dependencies_.owners(object, found); }

// shdepDropOwned (catalog/pg_shdepend.c): what DROP OWNED drops, apart from privileges.
void LiveCatalog::owned_by(const Address &role, Vector<Address> &found) {
  Relation shared_depend = table_open(SharedDependRelationId, AccessShareLock);
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], Anum_pg_shdepend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(AuthIdRelationId));
  ScanKeyInit(&keys[1], Anum_pg_shdepend_refobjid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(role.object_id));
  SysScanDesc scan = systable_beginscan(shared_depend, SharedDependReferenceIndexId, true, nullptr, 2, keys);
  HeapTuple tuple = nullptr;
  while (HeapTupleIsValid(tuple = systable_getnext(scan))) {
    const auto *row = reinterpret_cast<Form_pg_shdepend>(GETSTRUCT(tuple));
    if (row->deptype == SHARED_DEPENDENCY_OWNER && row->dbid == MyDatabaseId)
      found.push_back({row->classid, row->objid, row->objsubid});
  }
  systable_endscan(scan);
  table_close(shared_depend, AccessShareLock);
}

// ATExecDropColumn (commands/tablecmds.c): a child's column goes if it has no other parent and no definition of
// its own. A composite type's attribute goes from the tables that are typed by it.
void LiveCatalog::inherited_columns(const Address &column, InheritedColumns which, Vector<Address> &found) {
  char *name = get_attname(column.object_id, static_cast<AttrNumber>(column.sub_id), true);
  if (name == nullptr)
    return;

  const Oid type =
      get_rel_relkind(column.object_id) == RELKIND_COMPOSITE_TYPE ? get_rel_type_id(column.object_id) : InvalidOid;
  if (OidIsValid(type)) {
    Vector<Dependency> users(arena_);
    dependents({TypeRelationId, type, 0}, users);
    for (const Dependency &user : users) {
      if (user.object.class_id != RelationRelationId || user.object.sub_id != 0)
        continue;
      const AttrNumber number = get_attnum(user.object.object_id, name);
      if (number > 0 && relation_is_typed_by(user.object.object_id, type))
        found.push_back({RelationRelationId, user.object.object_id, number});
    }
    return;
  }

  List *children = find_inheritance_children(column.object_id, NoLock);
  const ListCell *cell = nullptr;
  foreach (cell, children) {
    const Oid child = lfirst_oid(cell);
    HeapTuple tuple = SearchSysCacheAttName(child, name);
    if (!HeapTupleIsValid(tuple))
      continue;
    const auto *attribute = reinterpret_cast<Form_pg_attribute>(GETSTRUCT(tuple));
    if (which == InheritedColumns::all || (attribute->attinhcount == 1 && !attribute->attislocal))
      found.push_back({RelationRelationId, child, attribute->attnum});
    ReleaseSysCache(tuple);
  }
}

// ExecuteTruncate (commands/tablecmds.c) goes to partitions and inheritance children alike.
void LiveCatalog::descendants(const Address &table, Vector<Address> &found) {
  List *all = find_all_inheritors(table.object_id, NoLock, nullptr);
  const ListCell *cell = nullptr;
  foreach (cell, all)
    if (const Oid relation = lfirst_oid(cell); relation != table.object_id && get_rel_relkind(relation) != '\0')
      found.push_back({RelationRelationId, relation, 0});
}

// As TRUNCATE itself finds them: by a scan of pg_constraint, which has no index for it.
void LiveCatalog::referencing(const Vector<Address> &tables, Vector<Address> &found) {
  List *relations = NIL;
  bool any_keys = false;
  for (const Address &table : tables) {
    relations = lappend_oid(relations, table.object_id);
    any_keys = any_keys || may_be_referenced(table.object_id);
  }
  if (!any_keys)
    return;
  List *others = heap_truncate_find_FKs(relations);
  const ListCell *cell = nullptr;
  foreach (cell, others)
    found.push_back({RelationRelationId, lfirst_oid(cell), 0});
}

bool LiveCatalog::may_truncate(const Address &table) {
  return pg_class_aclcheck(table.object_id, GetUserId(), ACL_TRUNCATE) == ACLCHECK_OK;
}

bool LiveCatalog::is_empty(const Address &table) { return schema_guard::is_empty(table.object_id); }

// ATExecAlterColumnType (commands/tablecmds.c): what it can't rebuild.
bool LiveCatalog::type_is_pinned(const Address &column) {
  Vector<Dependency> users(arena_);
  dependents(column, users);
  for (const Dependency &user : users) {
    const ObjectId made_of_it = user.object.class_id;
    if (made_of_it == RewriteRelationId || made_of_it == TriggerRelationId || made_of_it == PolicyRelationId)
      return true;
    // Another column that is generated from this one.
    if (made_of_it == AttrDefaultRelationId && whole_of(user.object) != column)
      return true;
  }
  return false;
}

std::optional<ColumnType> LiveCatalog::column_type(const Address &column) { return type_of_column(column); }

std::optional<ColumnType> LiveCatalog::named_type(const void *name) { return type_by_type_name(name); }

ObjectFacts LiveCatalog::facts(const Address &object) { return object_facts(object, *this, arena_); }

Address LiveCatalog::whole_of(const Address &object) { return whole_of_part(object); }

ObjectDescription LiveCatalog::describe(const Address &object, ObjectKind kind) {
  if (object.class_id == DbRoleSettingRelationId)
    return describe_setting(object);
  const ::ObjectAddress address{object.class_id, object.object_id, object.sub_id};
  ObjectDescription description;
  const char *type = getObjectTypeDescription(&address, true);
  const char *identity = getObjectIdentity(&address, true);
  // PostgreSQL says "table column" here and "column" in its messages.
  if (kind == ObjectKind::column)
    type = "column";
  description.object_type = arena_.copy(type == nullptr ? "object" : type);
  description.identity = arena_.copy(identity == nullptr ? "(gone)" : identity);
  description.path = description.identity;

  if (object.class_id != RelationRelationId)
    return description;
  const char *schema = get_namespace_name(get_rel_namespace(object.object_id));
  const char *relation = get_rel_name(object.object_id);
  if (schema != nullptr && relation != nullptr)
    description.path = arena_.copy(psprintf("%s.%s", schema, relation));
  if (kind == ObjectKind::table || kind == ObjectKind::column || kind == ObjectKind::materialized_view) {
    const RelationSize size = relation_size(object.object_id);
    description.rows = size.rows;
    description.bytes = kind == ObjectKind::column ? -1 : size.bytes;
  }
  return description;
}

} // namespace schema_guard
