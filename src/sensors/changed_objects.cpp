#include "sensors/changed_objects.hpp"

#include "sensors/statement.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"
}

namespace schema_guard {

namespace {

constexpr int most_objects = 1000;

// The columns of pg_event_trigger_ddl_commands().
constexpr int class_id_column = 1;
constexpr int object_id_column = 2;
constexpr int object_type_column = 5;
constexpr int identity_column = 7;

// Called as a function, not by a query: that would cost a tenth of a small statement.
Tuplestorestate *ddl_commands(TupleDesc &descriptor) {
  static FmgrInfo function;
  if (function.fn_oid == InvalidOid)
    fmgr_info_cxt(F_PG_EVENT_TRIGGER_DDL_COMMANDS, &function, TopMemoryContext);
  ReturnSetInfo result{};
  result.type = T_ReturnSetInfo;
  result.econtext = makeNode(ExprContext);
  result.econtext->ecxt_per_query_memory = CurrentMemoryContext;
  result.allowedModes = SFRM_Materialize;
  LOCAL_FCINFO(call, 0);
  InitFunctionCallInfoData(*call, &function, 0, InvalidOid, nullptr, reinterpret_cast<Node *>(&result));
  (void)pg_event_trigger_ddl_commands(call);
  descriptor = result.setDesc;
  return result.setResult;
}

void append_object(JsonArray &array, const Address &object) {
  const ::ObjectAddress address{object.class_id, object.object_id, object.sub_id};
  const char *identity = getObjectIdentity(&address, true);
  if (identity == nullptr)
    return;
  array.begin_object();
  array.text("object_type", getObjectTypeDescription(&address, true));
  array.text("identity", identity);
  array.number("class_id", object.class_id);
  array.number("object_id", object.object_id);
  if (object.sub_id != 0)
    array.number("sub_id", object.sub_id);
  array.end_object();
}

// A relation brings these with it; beside their relation they say nothing.
bool is_part_class(ObjectId class_id) {
  return class_id == TypeRelationId || class_id == ConstraintRelationId || class_id == AttrDefaultRelationId ||
         class_id == RewriteRelationId;
}

// Every type brings its array type with it.
bool is_array_type(const Address &object) {
  return object.class_id == TypeRelationId && OidIsValid(get_element_type(object.object_id));
}

// The first temporary object that ever has a session's number brings the schemas for it.
bool is_temporary_schema(const Address &object) {
  return object.class_id == NamespaceRelationId && isAnyTempNamespace(object.object_id);
}

Jsonb *seen_objects_json(const Vector<Address> &changed) {
  bool relation_seen = false;
  for (const Address &object : changed)
    relation_seen |= object.class_id == RelationRelationId;
  JsonArray array;
  // The hook also tells of rows that are no objects, such as pg_inherits'; no one could describe these.
  for (const Address &object : changed)
    if (is_objectclass_supported(object.class_id) && (!relation_seen || !is_part_class(object.class_id)) &&
        !is_array_type(object) && !is_temporary_schema(object))
      append_object(array, object);
  return array.finish();
}

Jsonb *dropped_objects_json(const Vector<ObjectDescription> &dropped) {
  JsonArray array;
  for (const ObjectDescription &object : dropped) {
    array.begin_object();
    array.text("object_type", object.object_type);
    array.text("identity", object.identity);
    array.end_object();
  }
  return array.finish();
}

void append_text(JsonArray &array, const char *key, TupleTableSlot *row, int column) {
  bool null = false;
  const Datum value = slot_getattr(row, column, &null);
  if (!null)
    array.text(key, TextDatumGetCString(value));
}

void append_oid(JsonArray &array, const char *key, TupleTableSlot *row, int column) {
  bool null = false;
  const Datum value = slot_getattr(row, column, &null);
  if (!null)
    array.number(key, DatumGetObjectId(value));
}

Jsonb *reported_objects_json() {
  TupleDesc descriptor = nullptr;
  Tuplestorestate *commands = ddl_commands(descriptor);
  TupleTableSlot *row = MakeSingleTupleTableSlot(descriptor, &TTSOpsMinimalTuple);
  JsonArray array;
  for (int count = 0; count < most_objects && tuplestore_gettupleslot(commands, true, false, row); ++count) {
    array.begin_object();
    append_text(array, "object_type", row, object_type_column);
    append_text(array, "identity", row, identity_column);
    append_oid(array, "class_id", row, class_id_column);
    append_oid(array, "object_id", row, object_id_column);
    array.end_object();
  }
  ExecDropSingleTupleTableSlot(row);
  tuplestore_end(commands);
  return array.finish();
}

} // namespace

Jsonb *changed_objects_json(const Statement *statement, bool in_event_trigger) {
  Jsonb *seen = nullptr;
  if (statement != nullptr)
    seen = seen_objects_json(*statement->changed);
  if (seen == nullptr && statement != nullptr)
    seen = dropped_objects_json(*statement->dropped);
  return seen != nullptr || !in_event_trigger ? seen : reported_objects_json();
}

} // namespace schema_guard
