#include "sensors/changed_objects.hpp"

#include "pg/pg.hpp"

extern "C" {
#include "executor/tuptable.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
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

} // namespace

char *changed_objects_json() {
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

} // namespace schema_guard
