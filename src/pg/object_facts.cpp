#include "pg/object_facts.hpp"

#include "pg/extension.hpp"
#include "pg/transaction_objects.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_database.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_event_trigger.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_index.h"
#include "catalog/pg_largeobject.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "access/genam.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace schema_guard {

namespace {

struct RelationKind {
  char relkind;
  ObjectKind whole;
  ObjectKind column;
};

constexpr RelationKind relation_kinds[] = {
    {RELKIND_RELATION, ObjectKind::table, ObjectKind::column},
    {RELKIND_PARTITIONED_TABLE, ObjectKind::table, ObjectKind::column},
    {RELKIND_FOREIGN_TABLE, ObjectKind::foreign_table, ObjectKind::unstored_column},
    {RELKIND_VIEW, ObjectKind::view, ObjectKind::unstored_column},
    {RELKIND_MATVIEW, ObjectKind::materialized_view, ObjectKind::unstored_column},
    {RELKIND_SEQUENCE, ObjectKind::sequence, ObjectKind::unstored_column},
    {RELKIND_INDEX, ObjectKind::index, ObjectKind::unstored_column},
    {RELKIND_PARTITIONED_INDEX, ObjectKind::index, ObjectKind::unstored_column},
    {RELKIND_COMPOSITE_TYPE, ObjectKind::type, ObjectKind::attribute},
};

struct ClassKind {
  Oid class_id;
  ObjectKind kind;
};

constexpr ClassKind class_kinds[] = {
    {TypeRelationId, ObjectKind::type},
    {ProcedureRelationId, ObjectKind::function},
    {ConstraintRelationId, ObjectKind::constraint},
    {NamespaceRelationId, ObjectKind::schema},
    {ExtensionRelationId, ObjectKind::extension},
    {LargeObjectRelationId, ObjectKind::large_object},
    {DatabaseRelationId, ObjectKind::database},
    {DbRoleSettingRelationId, ObjectKind::setting},
};

// The catalogs of parts, how a row is found by its OID, and the column that names the relation that the part belongs
// to.
struct PartClass {
  Oid class_id;
  Oid index;
  AttrNumber oid;
  AttrNumber relation;
  AttrNumber column = InvalidAttrNumber; // where the part belongs to one
};

constexpr PartClass part_classes[] = {
    {ConstraintRelationId, ConstraintOidIndexId, Anum_pg_constraint_oid, Anum_pg_constraint_conrelid},
    {TriggerRelationId, TriggerOidIndexId, Anum_pg_trigger_oid, Anum_pg_trigger_tgrelid},
    {RewriteRelationId, RewriteOidIndexId, Anum_pg_rewrite_oid, Anum_pg_rewrite_ev_class},
    {AttrDefaultRelationId, AttrDefaultOidIndexId, Anum_pg_attrdef_oid, Anum_pg_attrdef_adrelid, Anum_pg_attrdef_adnum},
    {PolicyRelationId, PolicyOidIndexId, Anum_pg_policy_oid, Anum_pg_policy_polrelid},
    {StatisticExtRelationId, StatisticExtOidIndexId, Anum_pg_statistic_ext_oid, Anum_pg_statistic_ext_stxrelid},
};

// True if some stored column contains values of the type, however deeply: in arrays, domains, ranges, other types.
bool type_is_stored(Oid type, Catalog &catalog, Arena &arena) {
  Vector<Address> types(arena);
  Vector<Dependency> users(arena);
  Map<Address, bool> seen(arena);
  types.push_back({TypeRelationId, type, 0});
  for (std::size_t place = 0; place < types.size(); ++place) {
    const Address current = types[place];
    if (!seen.emplace(current, true).second)
      continue;
    users.clear();
    catalog.dependents(current, users);
    for (const Dependency &user : users) {
      if (user.object.class_id == TypeRelationId) {
        types.push_back(user.object.whole());
      } else if (user.object.class_id == RelationRelationId) {
        const char kind = get_rel_relkind(user.object.object_id);
        if (kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE || kind == RELKIND_MATVIEW)
          return true;
        if (kind == RELKIND_COMPOSITE_TYPE)
          types.push_back({TypeRelationId, get_rel_type_id(user.object.object_id), 0});
      }
    }
  }
  return false;
}

bool relation_facts(const Address &object, Catalog &catalog, Arena &arena, ObjectFacts &facts) {
  HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(object.object_id));
  if (!HeapTupleIsValid(tuple))
    return false;
  const FormData_pg_class relation = *reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
  ReleaseSysCache(tuple);

  for (const RelationKind &row : relation_kinds)
    if (row.relkind == relation.relkind)
      facts.kind = object.sub_id == 0 ? row.whole : row.column;
  facts.temporary = relation.relpersistence == RELPERSISTENCE_TEMP;
  const GuardObjects *guard = guard_objects();
  facts.guards_itself = guard != nullptr && relation.relnamespace == guard->schema;
  if (facts.kind == ObjectKind::attribute)
    facts.holds_data = type_is_stored(relation.reltype, catalog, arena);
  return true;
}

Oid schema_of_event_trigger(Oid trigger) {
  HeapTuple tuple = SearchSysCache1(EVENTTRIGGEROID, ObjectIdGetDatum(trigger));
  if (!HeapTupleIsValid(tuple))
    return InvalidOid;
  const Oid function = reinterpret_cast<Form_pg_event_trigger>(GETSTRUCT(tuple))->evtfoid;
  ReleaseSysCache(tuple);
  return get_func_namespace(function);
}

bool belongs_to_guard(const Address &object) {
  if (object.class_id == DbRoleSettingRelationId)
    return true; // no others are looked up, from wherever
  const GuardObjects *guard = guard_objects();
  if (guard == nullptr)
    return false;
  switch (object.class_id) {
  case NamespaceRelationId:
    return object.object_id == guard->schema;
  case ExtensionRelationId:
    return object.object_id == guard->extension;
  case ProcedureRelationId:
    return get_func_namespace(object.object_id) == guard->schema;
  case EventTriggerRelationId:
    return schema_of_event_trigger(object.object_id) == guard->schema;
  default:
    return false;
  }
}

bool is_primary_key(Oid constraint) {
  HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
  if (!HeapTupleIsValid(tuple))
    return false;
  const bool primary = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple))->contype == CONSTRAINT_PRIMARY;
  ReleaseSysCache(tuple);
  return primary;
}

} // namespace

ObjectFacts object_facts(const Address &object, Catalog &catalog, Arena &arena) {
  ObjectFacts facts;
  facts.created_here = transaction_objects::made_here(object);
  if (object.class_id == RelationRelationId) {
    if (!relation_facts(object, catalog, arena, facts))
      facts.kind = ObjectKind::other;
    return facts;
  }
  for (const ClassKind &row : class_kinds)
    if (row.class_id == object.class_id)
      facts.kind = row.kind;
  if (facts.kind == ObjectKind::constraint && is_primary_key(object.object_id)) {
    const ObjectFacts table = object_facts(whole_of_part(object), catalog, arena);
    facts.kind = ObjectKind::primary_key;
    facts.temporary = table.temporary;
    facts.created_here = table.created_here;
  }
  facts.guards_itself = belongs_to_guard(object);
  return facts;
}

Address whole_of_part(const Address &object) {
  if (object.class_id == RelationRelationId) {
    HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(object.object_id));
    if (!HeapTupleIsValid(tuple))
      return {};
    const Oid table = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple))->indrelid;
    ReleaseSysCache(tuple);
    return {RelationRelationId, table, 0};
  }
  for (const PartClass &row : part_classes) {
    if (row.class_id != object.class_id)
      continue;
    Relation catalog = table_open(row.class_id, AccessShareLock);
    ScanKeyData key;
    ScanKeyInit(&key, row.oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object.object_id));
    SysScanDesc scan = systable_beginscan(catalog, row.index, true, nullptr, 1, &key);
    HeapTuple tuple = systable_getnext(scan);
    Address whole;
    if (HeapTupleIsValid(tuple)) {
      bool null = false;
      whole.class_id = RelationRelationId;
      whole.object_id = DatumGetObjectId(heap_getattr(tuple, row.relation, RelationGetDescr(catalog), &null));
      if (row.column != InvalidAttrNumber)
        whole.sub_id = DatumGetInt16(heap_getattr(tuple, row.column, RelationGetDescr(catalog), &null));
    }
    systable_endscan(scan);
    table_close(catalog, AccessShareLock);
    return whole.valid() ? whole : Address{};
  }
  return {};
}

bool relation_is_typed_by(Oid relation, Oid type) {
  HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
  if (!HeapTupleIsValid(tuple))
    return false;
  const bool typed = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->reloftype == type;
  ReleaseSysCache(tuple);
  return typed;
}

} // namespace schema_guard
