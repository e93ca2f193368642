#include "pg/object_lookup.hpp"

#include "pg/compat.hpp"
#include "pg/extension.hpp"
#include "pg/memory.hpp"
#include "pg/object_owner.hpp"
#include "pg/relation_lookup.hpp"
#include "pg/range.hpp"
#include "pg/resolution.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_conversion.h"
#include "catalog/pg_database.h"
#include "catalog/pg_event_trigger.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_language.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_publication.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_transform.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_ts_parser.h"
#include "catalog/pg_ts_template.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "commands/policy.h"
#include "commands/proclang.h"
#include "commands/trigger.h"
#include "foreign/foreign.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "parser/parse_oper.h"
#include "parser/parse_type.h"
#include "rewrite/rewriteSupport.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace schema_guard {

namespace {

const char *simple_name(const void *node) { return strVal(node); }
List *name_list(const void *node) { return static_cast<List *>(const_cast<void *>(node)); }
TypeName *type_name(const void *node) { return static_cast<TypeName *>(const_cast<void *>(node)); }
ObjectWithArgs *with_arguments(const void *node) { return static_cast<ObjectWithArgs *>(const_cast<void *>(node)); }

// DROP names a type by a TypeName, ALTER … OWNER, RENAME and SET SCHEMA by a list of names.
Oid type_by_name(const void *node) {
  TypeName *name = IsA(node, List) ? makeTypeNameFromNameList(name_list(node)) : type_name(node);
  return LookupTypeNameOid(nullptr, name, true);
}

Oid cast_by_name(const void *node) {
  const Oid source = type_by_name(linitial(name_list(node)));
  const Oid target = type_by_name(lsecond(name_list(node)));
  return OidIsValid(source) && OidIsValid(target) ? get_cast_oid(source, target, true) : InvalidOid;
}

Oid transform_by_name(const void *node) {
  const Oid type = type_by_name(linitial(name_list(node)));
  const Oid language = get_language_oid(strVal(lsecond(name_list(node))), true);
  return OidIsValid(type) && OidIsValid(language) ? get_transform_oid(type, language, true) : InvalidOid;
}

// The first name is the access method's.
Oid operator_class_by_name(const void *node) {
  const Oid method = get_index_am_oid(strVal(linitial(name_list(node))), true);
  return OidIsValid(method) ? get_opclass_oid(method, list_copy_tail(name_list(node), 1), true) : InvalidOid;
}
Oid operator_family_by_name(const void *node) {
  const Oid method = get_index_am_oid(strVal(linitial(name_list(node))), true);
  return OidIsValid(method) ? get_opfamily_oid(method, list_copy_tail(name_list(node), 1), true) : InvalidOid;
}

// A trigger, rule or policy is named by its table's name and its own, in one list.
template <Oid (*find)(Oid relation, const char *name, bool missing_ok)> Oid on_relation(const void *node) {
  List *names = name_list(node);
  List *relation_names = list_copy(names);
  relation_names = list_delete_last(relation_names);
  if (relation_names == NIL)
    return InvalidOid;
  const Oid relation = relation_named(makeRangeVarFromNameList(relation_names));
  return OidIsValid(relation) ? find(relation, strVal(llast(names)), true) : InvalidOid;
}

// table.column%TYPE as the type that it is now, which the parser would say in a NOTICE (LookupTypeNameExtended in
// parser/parse_type.c); the statement itself is going to say so.
TypeName *without_reference(TypeName *type) {
  if (type == nullptr || !type->pct_type || list_length(type->names) < 2)
    return type;
  List *relation_names = list_delete_last(list_copy(type->names));
  if (list_length(relation_names) > 3)
    return type;
  const Oid relation = relation_named(makeRangeVarFromNameList(relation_names));
  const AttrNumber column = OidIsValid(relation) ? get_attnum(relation, strVal(llast(type->names))) : 0;
  return column == InvalidAttrNumber ? type : makeTypeNameFromOid(get_atttype(relation, column), -1);
}

List *without_references(const List *types) {
  List *result = NIL;
  const ListCell *cell = nullptr;
  foreach (cell, types)
    result = lappend(result, without_reference(static_cast<TypeName *>(lfirst(cell))));
  return result;
}

template <ObjectType type> Oid routine_by_name(const void *node) {
  ObjectWithArgs quiet = *with_arguments(node);
  quiet.objargs = without_references(quiet.objargs);
  ListCell *cell = nullptr;
  List *parameters = NIL;
  foreach (cell, quiet.objfuncargs) {
    auto *parameter = static_cast<FunctionParameter *>(copyObjectImpl(lfirst(cell)));
    parameter->argType = without_reference(parameter->argType);
    parameters = lappend(parameters, parameter);
  }
  quiet.objfuncargs = parameters;
  return LookupFuncWithArgs(type, &quiet, true);
}

// How each object type is found by name. Relations and their members have their own ways, below.
struct Lookup {
  ObjectType type;
  Oid class_id;
  Oid (*find)(const void *node);
};

constexpr Lookup lookups[] = {
    {OBJECT_SCHEMA, NamespaceRelationId, [](const void *n) { return get_namespace_oid(simple_name(n), true); }},
    {OBJECT_EXTENSION, ExtensionRelationId, [](const void *n) { return get_extension_oid(simple_name(n), true); }},
    {OBJECT_LANGUAGE, LanguageRelationId, [](const void *n) { return get_language_oid(simple_name(n), true); }},
    {OBJECT_ACCESS_METHOD, AccessMethodRelationId, [](const void *n) { return get_am_oid(simple_name(n), true); }},
    {OBJECT_FDW, ForeignDataWrapperRelationId,
     [](const void *n) { return get_foreign_data_wrapper_oid(simple_name(n), true); }},
    {OBJECT_FOREIGN_SERVER, ForeignServerRelationId,
     [](const void *n) { return get_foreign_server_oid(simple_name(n), true); }},
    {OBJECT_EVENT_TRIGGER, EventTriggerRelationId,
     [](const void *n) { return get_event_trigger_oid(simple_name(n), true); }},
    {OBJECT_PUBLICATION, PublicationRelationId,
     [](const void *n) { return get_publication_oid(simple_name(n), true); }},
    {OBJECT_TYPE, TypeRelationId, type_by_name},
    {OBJECT_DOMAIN, TypeRelationId, type_by_name},
    {OBJECT_FUNCTION, ProcedureRelationId, routine_by_name<OBJECT_FUNCTION>},
    {OBJECT_PROCEDURE, ProcedureRelationId, routine_by_name<OBJECT_PROCEDURE>},
    {OBJECT_ROUTINE, ProcedureRelationId, routine_by_name<OBJECT_ROUTINE>},
    {OBJECT_AGGREGATE, ProcedureRelationId, routine_by_name<OBJECT_AGGREGATE>},
    {OBJECT_OPERATOR, OperatorRelationId, [](const void *n) { return LookupOperWithArgs(with_arguments(n), true); }},
    {OBJECT_COLLATION, CollationRelationId, [](const void *n) { return get_collation_oid(name_list(n), true); }},
    {OBJECT_CONVERSION, ConversionRelationId, [](const void *n) { return get_conversion_oid(name_list(n), true); }},
    {OBJECT_OPCLASS, OperatorClassRelationId, operator_class_by_name},
    {OBJECT_OPFAMILY, OperatorFamilyRelationId, operator_family_by_name},
    {OBJECT_CAST, CastRelationId, cast_by_name},
    {OBJECT_TRANSFORM, TransformRelationId, transform_by_name},
    {OBJECT_TSPARSER, TSParserRelationId, [](const void *n) { return get_ts_parser_oid(name_list(n), true); }},
    {OBJECT_TSDICTIONARY, TSDictionaryRelationId, [](const void *n) { return get_ts_dict_oid(name_list(n), true); }},
    {OBJECT_TSTEMPLATE, TSTemplateRelationId, [](const void *n) { return get_ts_template_oid(name_list(n), true); }},
    {OBJECT_TSCONFIGURATION, TSConfigRelationId, [](const void *n) { return get_ts_config_oid(name_list(n), true); }},
    {OBJECT_STATISTIC_EXT, StatisticExtRelationId,
     [](const void *n) { return get_statistics_object_oid(name_list(n), true); }},
    {OBJECT_TRIGGER, TriggerRelationId, on_relation<get_trigger_oid>},
    {OBJECT_RULE, RewriteRelationId, on_relation<get_rewrite_oid>},
    {OBJECT_POLICY, PolicyRelationId, on_relation<get_relation_policy_oid>},
};

// A change matters only if it is to something of the guard's own; of anything else, not even the owner is asked for.
Resolution look_up_guard_relation(const RangeVar *range) {
  const GuardObjects *guard = guard_objects();
  const Oid relation = relation_named(range);
  if (guard == nullptr || !OidIsValid(relation) || get_rel_namespace(relation) != guard->schema)
    return elsewhere;
  return found(RelationRelationId, relation);
}

// The schema in which a name would be created: the one that it says, or the first of the path.
Oid creation_schema(List *names) {
  if (list_length(names) > 1)
    return get_namespace_oid(strVal(list_nth(names, list_length(names) - 2)), true);
  List *path = fetch_search_path(false);
  return path == NIL ? InvalidOid : linitial_oid(path);
}

Resolution look_up_guard_object(const Target &target) {
  if (target.object_type == OBJECT_TABLE)
    return look_up_guard_relation(static_cast<const RangeVar *>(target.node));
  const bool is_list = IsA(target.node, List);
  if (target.object_type == OBJECT_SCHEMA && is_list) {
    const Oid schema = creation_schema(name_list(target.node));
    return OidIsValid(schema) ? found(NamespaceRelationId, schema) : elsewhere;
  }
  for (const Lookup &row : lookups)
    if (row.type == target.object_type)
      if (const Oid object = row.find(target.node); OidIsValid(object))
        return found(row.class_id, object);
  return elsewhere;
}

Resolution look_up_role(const Target &target) {
  const Oid role = get_rolespec_oid(static_cast<const RoleSpec *>(target.node), true);
  if (!OidIsValid(role))
    return refused;
  if (role == BOOTSTRAP_SUPERUSERID || !has_privs_of_role(GetUserId(), role))
    return refused;
  return found(AuthIdRelationId, role);
}

// dropdb (commands/dbcommands.c). What is not protected is nobody's business here.
Resolution look_up_database(const Target &target) {
  const Oid database = get_database_oid(simple_name(target.node), true);
  if (!OidIsValid(database))
    return not_found(target);
  if (!can_drop_database(database) || !compat::owns(DatabaseRelationId, database, GetUserId()))
    return refused;
  // By another name it would not be on the list any more.
  if (target.deed == Deed::rename && strcmp(protected_databases(), "*") == 0)
    return elsewhere;
  return is_protected_database(simple_name(target.node)) ? found(DatabaseRelationId, database) : elsewhere;
}

// Whoever owns it, and whoever has a privilege by which something can be put on it or into it.
bool may_change(const Address &object) {
  if (may_drop(object))
    return true;
  if (object.class_id == RelationRelationId)
    return pg_class_aclcheck(object.object_id, GetUserId(), ACL_TRIGGER) == ACLCHECK_OK;
  return object.class_id == NamespaceRelationId &&
         compat::has_schema_privilege(object.object_id, GetUserId(), ACL_CREATE);
}

Resolution if_permitted(const Resolution &resolution) {
  return resolution.status != Resolution::Status::found || may_change(resolution.address) ? resolution : refused;
}

} // namespace

bool can_drop_database(Oid database) {
  HeapTuple tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
  if (!HeapTupleIsValid(tuple))
    return false;
  const bool is_template = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple))->datistemplate;
  ReleaseSysCache(tuple);
  return !is_template && database != MyDatabaseId;
}

Resolution look_up(const Target &target) {
  switch (target.object_type) {
  case OBJECT_COLUMN:
  case OBJECT_TABCONSTRAINT:
    if (target.deed != Deed::change)
      return look_up_member(target);
    break;
  case OBJECT_ROLE:
    return look_up_role(target);
  case OBJECT_DATABASE:
    return look_up_database(target);
  default:
    break;
  }
  if (target.deed == Deed::change)
    return if_permitted(look_up_guard_object(target));
  if (target.deed == Deed::write_rows)
    return look_up_catalog(target);
  if (target.deed == Deed::truncate)
    return look_up_truncated(target);
  if (target.deed == Deed::detach)
    return look_up_partition(target);
  if (target.deed != Deed::drop && target.object_type == OBJECT_TABLE)
    return look_up_altered(target);
  if (is_relation_type(target.object_type))
    return look_up_dropped(target);
  for (const Lookup &row : lookups) {
    if (row.type != target.object_type)
      continue;
    const Oid object = row.find(target.node);
    if (!OidIsValid(object))
      return not_found(target);
    return may_drop({row.class_id, object, 0}) ? found(row.class_id, object) : refused;
  }
  return refused;
}

} // namespace schema_guard
