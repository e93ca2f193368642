// The Catalog that answers from this database's system catalogs.
//
// Promise: takes ACCESS SHARE on system catalogs only. Rows and sizes are estimates: from the cumulative statistics,
// pg_class and the files' lengths.
#pragma once

#include "core/catalog.hpp"
#include "pg/dependencies.hpp"
#include "pg/pg.hpp"

namespace schema_guard {

class LiveCatalog final : public Catalog {
public:
  // Everything it returns lives on `arena`. close() releases the catalogs; an error does so as well.
  explicit LiveCatalog(Arena &arena);
  void close();

  Resolution resolve(const Target &target) override;
  void dependents(const Address &object, Vector<Dependency> &found) override;
  void owners(const Address &object, Vector<Dependency> &found) override;
  void owned_by(const Address &role, Vector<Address> &found) override;
  void inherited_columns(const Address &column, Vector<Address> &found) override;
  ObjectFacts facts(const Address &object) override;
  Address whole_of(const Address &object) override;
  ObjectDescription describe(const Address &object, ObjectKind kind) override;

private:
  Arena &arena_;
  Dependencies dependencies_;
};

} // namespace schema_guard
