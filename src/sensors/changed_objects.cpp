#include "sensors/changed_objects.hpp"

#include "pg/pg.hpp"

extern "C" {
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
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

void append_text(StringInfo out, const char *key, TupleTableSlot *row, int column) {
  bool null = false;
  const Datum value = slot_getattr(row, column, &null);
  if (null)
    return;
  appendStringInfo(out, "%s\"%s\":", out->data[out->len - 1] == '{' ? "" : ",", key);
  escape_json(out, TextDatumGetCString(value));
}

void append_oid(StringInfo out, const char *key, TupleTableSlot *row, int column) {
  bool null = false;
  const Datum value = slot_getattr(row, column, &null);
  if (!null)
    appendStringInfo(out, ",\"%s\":%u", key, DatumGetObjectId(value));
}

void append_object(StringInfo out, const Address &object) {
  const ::ObjectAddress address{object.class_id, object.object_id, object.sub_id};
  const char *identity = getObjectIdentity(&address, true);
  if (identity == nullptr)
    return;
  appendStringInfoString(out, out->len == 0 ? "[{\"object_type\":" : ",{\"object_type\":");
  escape_json(out, getObjectTypeDescription(&address, true));
  appendStringInfoString(out, ",\"identity\":");
  escape_json(out, identity);
  appendStringInfo(out, ",\"class_id\":%u,\"object_id\":%u", object.class_id, object.object_id);
  if (object.sub_id != 0)
    appendStringInfo(out, ",\"sub_id\":%d", object.sub_id);
  appendStringInfoChar(out, '}');
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

char *seen_objects_json(const Vector<Address> &changed) {
  bool relation_seen = false;
  for (const Address &object : changed)
    relation_seen |= object.class_id == RelationRelationId;
  StringInfoData out;
  initStringInfo(&out);
  for (const Address &object : changed)
    if ((!relation_seen || !is_part_class(object.class_id)) && !is_array_type(object))
      append_object(&out, object);
  if (out.len == 0)
    return nullptr;
  appendStringInfoChar(&out, ']');
  return out.data;
}

char *reported_objects_json() {
  TupleDesc descriptor = nullptr;
  Tuplestorestate *commands = ddl_commands(descriptor);
  TupleTableSlot *row = MakeSingleTupleTableSlot(descriptor, &TTSOpsMinimalTuple);
  StringInfoData out;
  initStringInfo(&out);
  int count = 0;
  for (; count < most_objects && tuplestore_gettupleslot(commands, true, false, row); ++count) {
    appendStringInfoString(&out, count == 0 ? "[{" : ",{");
    append_text(&out, "object_type", row, object_type_column);
    append_text(&out, "identity", row, identity_column);
    append_oid(&out, "class_id", row, class_id_column);
    append_oid(&out, "object_id", row, object_id_column);
    appendStringInfoChar(&out, '}');
  }
  ExecDropSingleTupleTableSlot(row);
  tuplestore_end(commands);
  if (count == 0)
    return nullptr;
  appendStringInfoChar(&out, ']');
  return out.data;
}

} // namespace

char *changed_objects_json(const Vector<Address> &changed) {
  char *seen = seen_objects_json(changed);
  return seen != nullptr ? seen : reported_objects_json();
}

} // namespace schema_guard
