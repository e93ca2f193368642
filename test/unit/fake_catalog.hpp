// A catalog made of a list of objects and a list of dependencies, as pg_depend would have them.
#pragma once

#include "core/catalog.hpp"
#include "fake_types.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace schema_guard::test {

class FakeCatalog final : public Catalog {
public:
  // A new object. Its name is what describe() says of it.
  Address add(ObjectKind kind, std::string name);
  // A column of it; the kind is what facts() says.
  Address add_column(const Address &table, std::string name, ObjectKind kind = ObjectKind::column);
  // `dependent` depends on `referenced`.
  void depend(const Address &dependent, const Address &referenced, DependencyKind kind);
  void depend(const Address &dependent, const Address &referenced, char letter) {
    depend(dependent, referenced, static_cast<DependencyKind>(letter));
  }
  // `part` belongs to `table`, as an index does.
  void belongs_to(const Address &part, const Address &table) { tables_[part] = table; }
  void owns(const Address &role, const Address &object) { owned_[role].push_back(object); }
  void inherits(const Address &child_column, const Address &column) { children_[column].push_back(child_column); }
  void has_child(const Address &table, const Address &child) { tables_below_[table].push_back(child); }
  void refers(const Address &table, const Address &referenced) { keys_.emplace_back(table, referenced); }
  void is_not_to_be_truncated(const Address &table) { untouchable_.insert(table); }
  void has_no_rows(const Address &table) { empty_.insert(table); }
  void is_pinned(const Address &column) { pinned_.insert(column); }
  void has_type(const Address &column, ColumnType type) { column_types_[column] = type; }
  FakeTypes &fake_types() { return types_; }
  ObjectFacts &change_facts(const Address &object) { return objects_.at(object).facts; }

  // The name in a statement that means this. It must outlive the command.
  static Target target(const Resolution &resolution) { return {.node = &resolution}; }

  Resolution resolve(const Target &target) override;
  void dependents(const Address &object, Vector<Dependency> &found) override;
  void owners(const Address &object, Vector<Dependency> &found) override;
  void owned_by(const Address &role, Vector<Address> &found) override;
  void inherited_columns(const Address &column, InheritedColumns which, Vector<Address> &found) override;
  void descendants(const Address &table, Vector<Address> &found) override;
  void referencing(const Vector<Address> &tables, Vector<Address> &found) override;
  bool may_truncate(const Address &table) override { return !untouchable_.contains(table); }
  bool is_empty(const Address &table) override { return empty_.contains(table); }
  bool type_is_pinned(const Address &column) override { return pinned_.contains(column); }
  std::optional<ColumnType> column_type(const Address &column) override;
  std::optional<ColumnType> named_type(const void *name) override;
  TypeCatalog &types() override { return types_; }
  ObjectFacts facts(const Address &object) override;
  Address whole_of(const Address &object) override;
  ObjectDescription describe(const Address &object, ObjectKind kind) override;

private:
  struct Object {
    ObjectFacts facts;
    std::string name;
  };
  struct Row {
    Address dependent;
    Address referenced;
    DependencyKind kind;
  };
  using Whole = std::pair<ObjectId, ObjectId>;

  static Whole whole(const Address &address) { return {address.class_id, address.object_id}; }

  std::map<Address, Object> objects_;
  std::vector<Row> rows_;
  std::map<Whole, std::vector<std::size_t>> by_dependent_;
  std::map<Whole, std::vector<std::size_t>> by_referenced_;
  std::map<Address, Address> tables_;
  std::map<Address, std::vector<Address>> owned_;
  std::map<Address, std::vector<Address>> children_;
  std::map<Address, std::vector<Address>> tables_below_;
  std::vector<std::pair<Address, Address>> keys_; // who refers, and to whom
  std::map<Address, ColumnType> column_types_;
  std::set<Address> untouchable_;
  std::set<Address> pinned_;
  std::set<Address> empty_;
  FakeTypes types_;
  std::map<ObjectId, ObjectId> last_ids_; // by class: the same number in two classes means two objects
};

} // namespace schema_guard::test
