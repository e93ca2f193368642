#include "pg/function_definition.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "nodes/value.h"
#include "parser/parse_type.h"
#include "utils/guc.h"
}

namespace schema_guard {

namespace {

// All that a function's definition says, flattened; PostgreSQL 15 can't write these nodes by itself (nodes/outfuncs.c).
void append_definition(StringInfo out, const Node *node) {
  check_stack_depth();
  if (node == nullptr) {
    appendStringInfoString(out, "()");
    return;
  }
  switch (nodeTag(node)) {
  case T_List: {
    const ListCell *cell = nullptr;
    appendStringInfoChar(out, '(');
    foreach (cell, reinterpret_cast<const List *>(node))
      append_definition(out, static_cast<const Node *>(lfirst(cell)));
    appendStringInfoChar(out, ')');
    return;
  }
  case T_String:
    appendStringInfo(out, "%zu:%s", strlen(strVal(node)), strVal(node));
    return;
  case T_Integer:
    appendStringInfo(out, "%d;", intVal(node));
    return;
  case T_Boolean:
    appendStringInfo(out, "%d;", static_cast<int>(boolVal(node)));
    return;
  case T_Float:
    appendStringInfo(out, "%s;", castNode(Float, const_cast<Node *>(node))->fval);
    return;
  case T_TypeName:
    appendStringInfo(out, "%s;", TypeNameToString(reinterpret_cast<const TypeName *>(node)));
    return;
  case T_DefElem: {
    const auto *element = reinterpret_cast<const DefElem *>(node);
    appendStringInfo(out, "%s=", element->defname);
    append_definition(out, element->arg);
    return;
  }
  case T_FunctionParameter: {
    const auto *parameter = reinterpret_cast<const FunctionParameter *>(node);
    appendStringInfo(out, "%c", parameter->mode);
    append_definition(out, reinterpret_cast<const Node *>(parameter->argType));
    return;
  }
  case T_ObjectWithArgs: {
    const auto *name = reinterpret_cast<const ObjectWithArgs *>(node);
    append_definition(out, reinterpret_cast<const Node *>(name->objname));
    append_definition(out, reinterpret_cast<const Node *>(name->objargs));
    return;
  }
  case T_VariableSetStmt: {
    const auto *set = reinterpret_cast<const VariableSetStmt *>(node);
    const char *value =
        set->kind == VAR_SET_VALUE ? ExtractSetVariableArgs(const_cast<VariableSetStmt *>(set)) : nullptr;
    appendStringInfo(out, "%d %s=%s;", static_cast<int>(set->kind), set->name, value == nullptr ? "" : value);
    return;
  }
  default:
    // A body in SQL itself: nothing here can tell two of them apart, so none is the one that was approved.
    appendStringInfo(out, "%d " INT64_FORMAT ";", static_cast<int>(nodeTag(node)), GetCurrentTimestamp());
  }
}

} // namespace

const char *function_definition(const Node *statement) {
  StringInfoData out;
  initStringInfo(&out);
  if (IsA(statement, AlterFunctionStmt)) {
    const auto *alter = reinterpret_cast<const AlterFunctionStmt *>(statement);
    append_definition(&out, reinterpret_cast<const Node *>(alter->func));
    append_definition(&out, reinterpret_cast<const Node *>(alter->actions));
    return out.data;
  }
  const auto *create = reinterpret_cast<const CreateFunctionStmt *>(statement);
  appendStringInfo(&out, "%d%d", static_cast<int>(create->replace), static_cast<int>(create->is_procedure));
  append_definition(&out, reinterpret_cast<const Node *>(create->funcname));
  append_definition(&out, reinterpret_cast<const Node *>(create->parameters));
  append_definition(&out, reinterpret_cast<const Node *>(create->returnType));
  append_definition(&out, reinterpret_cast<const Node *>(create->options));
  append_definition(&out, create->sql_body);
  return out.data;
}

} // namespace schema_guard
