// The Catalog that answers from this database's system catalogs.
//
// Promise: takes ACCESS SHARE on system catalogs only. Rows and sizes are estimates: from the
// cumulative statistics, pg_class and the files' lengths.
#pragma once

#include "core/catalog.hpp"
#include "pg/dependencies.hpp"
#include "pg/live_types.hpp"
#include "pg/pg.hpp"
#include "pg/stored_setting.hpp"

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
  void inherited_columns(const Address &column, InheritedColumns which, Vector<Address> &found) override;
  void descendants(const Address &table, Vector<Address> &found) override;
  void referencing(const Vector<Address> &tables, Vector<Address> &found) override;
  bool may_truncate(const Address &table) override;
  bool is_empty(const Address &table) override;
  bool type_is_pinned(const Address &column) override;
  std::optional<ColumnType> column_type(const Address &column) override;
  std::optional<ColumnType> named_type(const void *name) override;
  TypeCatalog &types() override { return types_; }
  ObjectFacts facts(const Address &object) override;
  Address whole_of(const Address &object) override;
  ObjectDescription describe(const Address &object, ObjectKind kind) override;

private:
  ObjectDescription describe_setting(const Address &address);

  Arena &arena_;
  Dependencies dependencies_;
  LiveTypes types_;
  Vector<SettingChange> changes_; // that have been resolved
};

} // namespace schema_guard
