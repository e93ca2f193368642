// The Catalog that answers from this database's system catalogs.
//
// Promise: takes ACCESS SHARE on system catalogs only. Rows and sizes are estimates: from the cumulative statistics,
// pg_class and the files' lengths.
#pragma once

#include "core/catalog.hpp"
#include "pg/pg.hpp"

extern "C" {
#include "access/genam.h"
#include "utils/relcache.h"
}

namespace schema_guard {

class LiveCatalog final : public Catalog {
public:
  // Everything it returns lives on `arena`. close() releases the catalogs; an error does so as well.
  explicit LiveCatalog(Arena &arena);
  void close();

  Resolution resolve(const Target &target, Verb verb) override;
  void dependents(const Address &object, Vector<Dependency> &found) override;
  void owners(const Address &object, Vector<Dependency> &found) override;
  void owned_by(const Address &role, Vector<Address> &found) override;
  void inherited_columns(const Address &column, Vector<Address> &found) override;
  ObjectFacts facts(const Address &object) override;
  Address table_of(const Address &object) override;
  ObjectDescription describe(const Address &object, ObjectKind kind) override;

private:
  enum class End : bool { depender, referenced };
  void scan_dependencies(const Address &object, End from, Vector<Dependency> &found);

  Arena &arena_;
  Relation depend_;
};

} // namespace schema_guard
