// pg_depend, read in both directions.
//
// Promise: the cost stays within about twice the better of two ways, whatever is asked: an index scan a question, as
// PostgreSQL's own deletion does it, or all of pg_depend at once. It begins with the first and goes over to the second
// when the first has cost as much as the second would.
#pragma once

#include "core/catalog.hpp"
#include "pg/pg.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup.h"
#include "utils/relcache.h"
}

namespace schema_guard {

class Dependencies {
public:
  // Opens pg_depend at the first question. close() releases it; an error does so as well.
  explicit Dependencies(Arena &arena);
  void close();

  // What depends on the object, and what it depends on. A whole object stands for its columns too.
  void dependents(const Address &object, Vector<Dependency> &found);
  void owners(const Address &object, Vector<Dependency> &found);

private:
  struct Row {
    Address depender;
    Address referenced;
    DependencyKind kind;
  };
  enum class From : bool { depender, referenced };

  void look_up(const Address &object, From from, Vector<Dependency> &found);
  void scan_index(const Address &object, From from, Vector<Dependency> &found);
  void search_loaded(const Address &object, From from, Vector<Dependency> &found) const;
  void load_all();

  Relation relation_;
  double scans_left_; // index scans until the whole table is the cheaper way
  bool loaded_ = false;
  Vector<Row> rows_;                  // in the order of what is referenced
  Vector<std::uint32_t> by_depender_; // places in rows_
};

} // namespace schema_guard
