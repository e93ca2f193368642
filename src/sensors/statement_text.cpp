#include "sensors/statement_text.hpp"

#include "pg/secret.hpp"

extern "C" {
#include "mb/pg_wchar.h"
#include "nodes/nodes.h"
#include "nodes/pg_list.h"
#include "parser/parser.h"
#include "tcop/tcopprot.h"
}

namespace schema_guard {

namespace {

// The innermost utility statement that the hook saw begin. Compared by its tree's address, and every later statement
// overwrites it, so that a stale one is never taken for another.
struct {
  const Node *tree;
  const char *source;
  int location;
  int length;
} noted{};

} // namespace

const char *cut_statement(const char *source, int location, int length) {
  const char *start = source + (location > 0 ? location : 0);
  int bytes = length > 0 ? length : static_cast<int>(strlen(start));
  while (bytes > 0 && isspace(static_cast<unsigned char>(*start))) {
    ++start;
    --bytes;
  }
  if (bytes > longest_statement)
    bytes = pg_mbcliplen(start, bytes, longest_statement);
  return pnstrdup(start, bytes);
}

namespace {

// Null if the text does not parse: a setting that an earlier statement in it has changed can have that effect. Nothing
// but memory is touched by the parser, so there is nothing to undo.
List *parse_client_text() {
  MemoryContext context = CurrentMemoryContext;
  List *volatile statements = NIL;
  PG_TRY();
  { statements = raw_parser(debug_query_string, RAW_PARSE_DEFAULT); }
  PG_CATCH();
  {
    MemoryContextSwitchTo(context);
    FlushErrorState();
  }
  PG_END_TRY();
  return statements;
}

// Before the hook is in place (the session's first statement of this kind, which loaded the library) there is only
// what the client sent. Where our statement stands in that by itself, it is the one with an equal tree.
const char *find_in_client_text(const Node *tree) {
  if (debug_query_string == nullptr)
    return nullptr;
  List *statements = parse_client_text();
  const ListCell *cell = nullptr;
  foreach (cell, statements) {
    const auto *statement = static_cast<const RawStmt *>(lfirst(cell));
    if (equal(statement->stmt, tree))
      return cut_statement(debug_query_string, statement->stmt_location, statement->stmt_len);
  }
  // CREATE TABLE AS, SELECT INTO and their like are analyzed by now, and equal nothing raw; but there is only one
  // statement that it can be.
  if (list_length(statements) == 1 && IsA(tree, CreateTableAsStmt)) {
    const Node *only = linitial_node(RawStmt, statements)->stmt;
    if (IsA(only, CreateTableAsStmt) || (IsA(only, SelectStmt) && castNode(SelectStmt, only)->intoClause != nullptr))
      return cut_statement(debug_query_string, 0, 0);
  }
  return nullptr;
}

} // namespace

void note_statement_text(const Node *tree, const char *source, int location, int length) {
  noted = {tree, source, location, length};
}

const char *statement_text(const Node *tree) {
  if (may_hold_secret(tree))
    return redacted_text;
  if (noted.tree == tree && noted.source != nullptr)
    return cut_statement(noted.source, noted.location, noted.length);
  return find_in_client_text(tree);
}

} // namespace schema_guard
