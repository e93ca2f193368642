#include "pg/relation_lookup.hpp"

#include "pg/compat.hpp"
#include "pg/memory.hpp"
#include "pg/range.hpp"
#include "pg/relation_size.hpp"
#include "pg/resolution.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_database.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_parameter_acl.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_statistic_ext_data.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace schema_guard {

namespace {

const RangeVar *range_of(const void *node) { return static_cast<const RangeVar *>(node); }

bool is_protected_catalog(Oid relation) { return !allowSystemTableMods && IsCatalogRelationOid(relation); }

// What DROP TABLE, DROP VIEW and so on accept, by relation kind.
struct RelationType {
  ObjectType type;
  const char *kinds;
};

constexpr RelationType relation_types[] = {
    {OBJECT_TABLE, "rp"},   {OBJECT_VIEW, "v"},   {OBJECT_MATVIEW, "m"},
    {OBJECT_SEQUENCE, "S"}, {OBJECT_INDEX, "iI"}, {OBJECT_FOREIGN_TABLE, "f"},
};

const char *droppable_kinds(int object_type) {
  for (const RelationType &row : relation_types)
    if (row.type == object_type)
      return row.kinds;
  return nullptr;
}

// False for tables that are typed by a composite type, and for partitioned tables without their partitions.
bool has_own_columns(Oid relation, bool recurse) {
  HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
  if (!HeapTupleIsValid(tuple))
    return false;
  const auto *form = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
  const bool typed = OidIsValid(form->reloftype);
  const bool parts_stay = !recurse && form->relkind == RELKIND_PARTITIONED_TABLE && form->relhassubclass;
  ReleaseSysCache(tuple);
  return !typed && !parts_stay;
}

} // namespace

bool is_relation_type(int object_type) { return droppable_kinds(object_type) != nullptr; }

// RemoveRelations (commands/tablecmds.c): the owner of the relation or of its schema.
Resolution look_up_dropped(const Target &target) {
  const RangeVar *range = makeRangeVarFromNameList(static_cast<List *>(const_cast<void *>(target.node)));
  const char *kinds = droppable_kinds(target.object_type);
  const Oid relation = relation_named(range);
  if (!OidIsValid(relation))
    return not_found(target);
  if (strchr(kinds, get_rel_relkind(relation)) == nullptr)
    return refused;
  if (!compat::owns(RelationRelationId, relation, GetUserId()) &&
      !compat::owns(NamespaceRelationId, get_rel_namespace(relation), GetUserId()))
    return refused;
  if (is_protected_catalog(relation))
    return refused;
  return found(RelationRelationId, relation);
}

// RangeVarCallbackForAlterRelation (commands/tablecmds.c): the owner of the relation only.
Resolution look_up_altered(const Target &target) {
  const Oid relation = relation_named(range_of(target.node));
  if (!OidIsValid(relation))
    return not_found(target);
  if (!compat::owns(RelationRelationId, relation, GetUserId()) || is_protected_catalog(relation))
    return refused;
  if (target.deed == Deed::move && get_rel_namespace(relation) == get_namespace_oid(strVal(target.within), true))
    return elsewhere; // it is there
  // If all that it has is dead rows, PostgreSQL goes on.
  if (target.deed == Deed::become_view && (!compat::tables_become_views() || !is_empty(relation)))
    return {Resolution::Status::refused, {RelationRelationId, relation, 0}};
  // What is unlogged, and a partitioned table by itself, loses nothing by it.
  if (target.deed == Deed::set_unlogged && (get_rel_persistence(relation) != RELPERSISTENCE_PERMANENT ||
                                            get_rel_relkind(relation) == RELKIND_PARTITIONED_TABLE))
    return elsewhere;
  return found(RelationRelationId, relation);
}

// ALTER TABLE … DROP COLUMN or CONSTRAINT: the owner of the relation only (ATSimplePermissions).
Resolution look_up_member(const Target &target) {
  const Oid relation = relation_named(range_of(target.node));
  if (!OidIsValid(relation))
    return not_found(target);
  if (!compat::owns(RelationRelationId, relation, GetUserId()) || is_protected_catalog(relation))
    return refused;

  const bool touches_children = target.deed != Deed::drop_identity;
  if (touches_children && target.object_type == OBJECT_COLUMN &&
      !has_own_columns(relation, target.recurse || target.deed == Deed::rename))
    return refused;
  const char *member = c_string(target.member);
  if (target.object_type == OBJECT_TABCONSTRAINT) {
    const Oid constraint = get_relation_constraint_oid(relation, member, true);
    return OidIsValid(constraint) ? found(ConstraintRelationId, constraint) : not_found(target);
  }

  HeapTuple tuple = SearchSysCacheAttName(relation, member);
  if (!HeapTupleIsValid(tuple))
    return not_found(target);
  const auto *column = reinterpret_cast<Form_pg_attribute>(GETSTRUCT(tuple));
  const AttrNumber number = column->attnum;
  const bool inherited = column->attinhcount > 0;
  ReleaseSysCache(tuple);
  // ATExecDropColumn, ATPrepAlterColumnType and renameatt_internal refuse these.
  if (number < 0 || (touches_children && inherited))
    return refused;
  return found(RelationRelationId, relation, number);
}

// ATExecDetachPartition: whoever owns the table may detach, whoever owns the partition.
Resolution look_up_partition(const Target &target) {
  const Oid table = relation_named(range_of(target.within));
  if (!OidIsValid(table))
    return not_found(target);
  const Oid partition = relation_named(range_of(target.node));
  if (!OidIsValid(partition) || !compat::owns(RelationRelationId, table, GetUserId()) ||
      !get_rel_relispartition(partition) || get_partition_parent(partition, true) != table ||
      strchr("rpf", get_rel_relkind(partition)) == nullptr)
    return refused;
  return found(RelationRelationId, partition);
}

// RangeVarCallbackForTruncate: the privilege, not the owner.
Resolution look_up_truncated(const Target &target) {
  const Oid relation = relation_named(range_of(target.node));
  if (!OidIsValid(relation) || strchr("rpf", get_rel_relkind(relation)) == nullptr)
    return refused;
  if (!target.recurse && get_rel_relkind(relation) == RELKIND_PARTITIONED_TABLE)
    return refused;
  if (pg_class_aclcheck(relation, GetUserId(), ACL_TRUNCATE) != ACLCHECK_OK || is_protected_catalog(relation))
    return refused;
  return found(RelationRelationId, relation);
}

Resolution look_up_catalog(const Target &target) {
  const Oid relation = relation_named(range_of(target.node));
  if (!OidIsValid(relation) || !is_schema_catalog(relation) || !superuser())
    return elsewhere;
  return found(RelationRelationId, relation);
}

bool is_schema_catalog(Oid relation) {
  return IsCatalogRelationOid(relation) && relation != StatisticRelationId && relation != StatisticExtDataRelationId;
}

bool is_cluster_catalog(Oid relation) {
  return relation == DatabaseRelationId || relation == DbRoleSettingRelationId || relation == ParameterAclRelationId;
}

} // namespace schema_guard
