#include "fake_catalog.hpp"

#include <algorithm>
#include <set>

namespace schema_guard::test {

namespace {

// Any two numbers will do.
constexpr ObjectId relation_class = 1;
constexpr ObjectId other_class = 2;

bool is_relation(ObjectKind kind) {
  switch (kind) {
  case ObjectKind::table:
  case ObjectKind::foreign_table:
  case ObjectKind::view:
  case ObjectKind::materialized_view:
  case ObjectKind::sequence:
  case ObjectKind::index:
    return true;
  default:
    return false;
  }
}

// A whole object stands for its columns as well, as it does in a scan of pg_depend by class and object alone.
bool answers(const Address &asked, const Address &row) { return asked.sub_id == 0 || asked == row; }

} // namespace

Address FakeCatalog::add(ObjectKind kind, std::string name) {
  const ObjectId class_id = is_relation(kind) ? relation_class : other_class;
  const Address address{class_id, ++last_ids_[class_id], 0};
  objects_[address] = {{.kind = kind}, std::move(name)};
  return address;
}

Address FakeCatalog::add_column(const Address &table, std::string name, ObjectKind kind) {
  Address address = table;
  do
    ++address.sub_id;
  while (objects_.contains(address));
  objects_[address] = {{.kind = kind}, std::move(name)};
  return address;
}

void FakeCatalog::depend(const Address &dependent, const Address &referenced, DependencyKind kind) {
  by_dependent_[whole(dependent)].push_back(rows_.size());
  by_referenced_[whole(referenced)].push_back(rows_.size());
  rows_.push_back({dependent, referenced, kind});
}

Resolution FakeCatalog::resolve(const Target &target) { return *static_cast<const Resolution *>(target.node); }

void FakeCatalog::dependents(const Address &object, Vector<Dependency> &found) {
  for (const std::size_t place : by_referenced_[whole(object)])
    if (answers(object, rows_[place].referenced))
      found.push_back({rows_[place].dependent, rows_[place].kind});
}

void FakeCatalog::owners(const Address &object, Vector<Dependency> &found) {
  for (const std::size_t place : by_dependent_[whole(object)])
    if (answers(object, rows_[place].dependent))
      found.push_back({rows_[place].referenced, rows_[place].kind});
}

void FakeCatalog::owned_by(const Address &role, Vector<Address> &found) {
  for (const Address &object : owned_[role])
    found.push_back(object);
}

void FakeCatalog::inherited_columns(const Address &column, InheritedColumns, Vector<Address> &found) {
  for (const Address &child : children_[column])
    found.push_back(child);
}

void FakeCatalog::descendants(const Address &table, Vector<Address> &found) {
  for (const Address &child : tables_below_[table]) {
    found.push_back(child);
    descendants(child, found);
  }
}

void FakeCatalog::referencing(const Vector<Address> &tables, Vector<Address> &found) {
  const std::set<Address> known(tables.begin(), tables.end());
  std::set<Address> others;
  for (const auto &[table, referenced] : keys_)
    if (known.contains(referenced) && !known.contains(table))
      others.insert(table);
  for (const Address &other : others)
    found.push_back(other);
}

std::optional<ColumnType> FakeCatalog::column_type(const Address &column) {
  const auto place = column_types_.find(column);
  return place == column_types_.end() ? std::nullopt : std::optional(place->second);
}

std::optional<ColumnType> FakeCatalog::named_type(const void *name) {
  const auto &type = *static_cast<const ColumnType *>(name);
  return type.type == 0 ? std::nullopt : std::optional(type);
}

ObjectFacts FakeCatalog::facts(const Address &object) { return objects_.at(object).facts; }

Address FakeCatalog::whole_of(const Address &object) {
  const auto place = tables_.find(object);
  return place == tables_.end() ? Address{} : place->second;
}

ObjectDescription FakeCatalog::describe(const Address &object, ObjectKind) {
  const std::string &name = objects_.at(object).name;
  return {.object_type = "object", .identity = name, .path = name};
}

} // namespace schema_guard::test
