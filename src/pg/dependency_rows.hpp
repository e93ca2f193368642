// pg_depend row by row, with what Dependencies leaves out: which column a row is of, and whether it is new.
//
// Promise: an index scan for each question, but for new_dependers(), which reads all of pg_depend.
#pragma once

#include "core/catalog.hpp"
#include "pg/pg.hpp"

namespace schema_guard {

struct DependencyRow {
  Address depender;
  Address referenced;
  DependencyKind kind;
  bool is_new; // of this transaction
};

enum class DependencyEnd : bool { depender, referenced };

// The rows with the object at that end. A whole object stands for its columns, and a column's rows come with those of
// its table as a whole.
void dependency_rows(const Address &object, DependencyEnd end, Vector<DependencyRow> &found);

// What this transaction has made to depend on something.
void new_dependers(Vector<Address> &found);

} // namespace schema_guard
