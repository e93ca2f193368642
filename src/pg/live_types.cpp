#include "pg/live_types.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_type.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
}

namespace schema_guard {

ColumnType LiveTypes::base_type(const ColumnType &type) {
  int32 modifier = type.modifier;
  const Oid base = getBaseTypeAndTypmod(type.type, &modifier);
  return {base, modifier};
}

TypeFacts LiveTypes::type_facts(ObjectId type) {
  const bool is_text = TypeCategory(type) == TYPCATEGORY_STRING;
  return {.element = get_element_type(type),
          .is_text = is_text,
          .takes_any = is_text && type != BPCHAROID && IsBinaryCoercible(type, TEXTOID),
          .is_enum = get_typtype(type) == TYPTYPE_ENUM};
}

CoercionPath LiveTypes::coercion(ObjectId from, ObjectId to, bool is_explicit) {
  Oid function = InvalidOid;
  switch (find_coercion_pathway(to, from, is_explicit ? COERCION_EXPLICIT : COERCION_ASSIGNMENT, &function)) {
  case COERCION_PATH_RELABELTYPE:
    return CoercionPath::relabel;
  case COERCION_PATH_FUNC:
    return CoercionPath::function;
  case COERCION_PATH_ARRAYCOERCE:
    return CoercionPath::array;
  case COERCION_PATH_COERCEVIAIO:
    return CoercionPath::input_output;
  case COERCION_PATH_NONE:
    break;
  }
  // Such as a row type to its parent's, which coerce_type() knows by itself.
  const Oid types[] = {from};
  const Oid targets[] = {to};
  return can_coerce_type(1, types, targets, is_explicit ? COERCION_EXPLICIT : COERCION_ASSIGNMENT)
             ? CoercionPath::function
             : CoercionPath::none;
}

// coerce_type_typmod (parser/parse_coerce.c) and ATColumnChangeRequiresRewrite (commands/tablecmds.c): a length
// coercion that has nothing to do is simplified away by its function's own support function.
bool LiveTypes::length_fits(ObjectId type, std::int32_t from, std::int32_t to) {
  Oid function = InvalidOid;
  if (find_typmod_coercion_function(type, &function) == COERCION_PATH_NONE)
    return true;
  if (!OidIsValid(function))
    return false;
  Node *column = reinterpret_cast<Node *>(makeVar(1, 1, type, from, get_typcollation(type), 0));
  List *arguments =
      list_make2(column, makeConst(INT4OID, -1, InvalidOid, sizeof(int32), Int32GetDatum(to), false, true));
  if (get_func_nargs(function) == 3)
    arguments = lappend(arguments, makeConst(BOOLOID, -1, InvalidOid, sizeof(bool), BoolGetDatum(false), false, true));
  Node *call = reinterpret_cast<Node *>(
      makeFuncExpr(function, type, arguments, get_typcollation(type), InvalidOid, COERCE_IMPLICIT_CAST));
  Node *simplified = eval_const_expressions(nullptr, call);
  while (IsA(simplified, RelabelType))
    simplified = reinterpret_cast<Node *>(castNode(RelabelType, simplified)->arg);
  return IsA(simplified, Var);
}

// TimestampTimestampTzRequiresRewrite (utils/adt/timestamp.c)
bool LiveTypes::time_zone_is_fixed() {
  long offset = 0; // NOLINT(google-runtime-int): pgtime.h has it so
  return pg_get_timezone_offset(session_timezone, &offset);
}

bool LiveTypes::output_is_exact() {
  return extra_float_digits > 0 && (DateStyle == USE_ISO_DATES || DateStyle == USE_XSD_DATES || time_zone_is_fixed());
}

namespace {

std::optional<ColumnType> type_of(HeapTuple tuple) {
  const auto *attribute = reinterpret_cast<Form_pg_attribute>(GETSTRUCT(tuple));
  const bool computed = attribute->attgenerated != '\0';
  return computed || attribute->atttypid == InvalidOid
             ? std::nullopt
             : std::optional(ColumnType{attribute->atttypid, attribute->atttypmod});
}

} // namespace

std::optional<ColumnType> type_of_column(const Address &column) {
  HeapTuple tuple =
      SearchSysCache2(ATTNUM, ObjectIdGetDatum(column.object_id), Int16GetDatum(static_cast<int16>(column.sub_id)));
  if (!HeapTupleIsValid(tuple))
    return std::nullopt;
  const std::optional<ColumnType> result = type_of(tuple);
  ReleaseSysCache(tuple);
  return result;
}

std::optional<ColumnType> type_being_given(const Address &column) {
  Relation catalog = table_open(AttributeRelationId, AccessShareLock);
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], Anum_pg_attribute_attrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(column.object_id));
  ScanKeyInit(&keys[1], Anum_pg_attribute_attnum, BTEqualStrategyNumber, F_INT2EQ,
              Int16GetDatum(static_cast<int16>(column.sub_id)));
  SysScanDesc scan = systable_beginscan(catalog, AttributeRelidNumIndexId, true, SnapshotSelf, 2, keys);
  HeapTuple tuple = systable_getnext(scan);
  const std::optional<ColumnType> result = HeapTupleIsValid(tuple) ? type_of(tuple) : std::nullopt;
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return result;
}

std::optional<ColumnType> type_by_type_name(const void *name) {
  int32 modifier = -1;
  Type tuple = LookupTypeName(nullptr, static_cast<TypeName *>(const_cast<void *>(name)), &modifier, true);
  if (tuple == nullptr)
    return std::nullopt;
  const ColumnType type{typeTypeId(tuple), modifier};
  ReleaseSysCache(tuple);
  return type;
}

} // namespace schema_guard
