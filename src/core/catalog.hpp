// What effects() asks of a database. The live catalog answers from PostgreSQL; the unit tests answer from a list.
//
// Promise: questions only. No implementation takes a lock on a user's object, and none of the answers depends on how
// the object was spelt.
#pragma once

#include "core/column_type.hpp"
#include "core/command.hpp"
#include "core/memory.hpp"
#include "core/object.hpp"

#include <optional>
#include <string_view>

namespace schema_guard {

// PostgreSQL's dependency kinds, by the letter in pg_depend.deptype (catalog/dependency.h).
enum class DependencyKind : char {
  normal = 'n',
  automatic = 'a',
  internal = 'i',
  partition_primary = 'P',
  partition_secondary = 'S',
  extension = 'e',
  automatic_extension = 'x',
};

// One end of a dependency: the object at the other end, and how the two are tied.
struct Dependency {
  Address object;
  DependencyKind kind;
};

struct Resolution {
  enum class Status : std::uint8_t {
    found,
    missing, // there is no such object, and the statement says IF EXISTS
    refused, // PostgreSQL is going to refuse the statement: no such object, wrong kind, or no right to it
  };
  Status status = Status::refused;
  Address address = {}; // also of what is refused, where that might be an error
};

struct ObjectFacts {
  ObjectKind kind = ObjectKind::other;
  bool temporary = false;
  bool created_here = false;  // by the current transaction
  bool guards_itself = false; // one of schema_guard's own objects
  bool holds_data = true;     // false for a composite type's attribute that no stored column contains
};

// What a person is told of an object that would go.
struct ObjectDescription {
  std::string_view object_type; // "table", "table column", …
  std::string_view identity;    // quoted where it must be
  std::string_view path;        // schema.table, unquoted: what a policy's pattern is matched with
  double rows = -1;             // estimated; -1 is unknown
  std::int64_t bytes = -1;      // on disk; -1 is unknown
};

enum class InheritedColumns : bool { dropped_along, all };

class Catalog {
public:
  virtual Resolution resolve(const Target &target) = 0;
  virtual void dependents(const Address &object, Vector<Dependency> &found) = 0;
  virtual void owners(const Address &object, Vector<Dependency> &found) = 0;
  virtual void owned_by(const Address &role, Vector<Address> &found) = 0;
  // The same column of direct inheritance children: those that go when `column` is dropped, or all.
  virtual void inherited_columns(const Address &column, InheritedColumns which, Vector<Address> &found) = 0;
  // The tables that inherit from this one, partitions among them, all the way down.
  virtual void descendants(const Address &table, Vector<Address> &found) = 0;
  // The tables whose foreign keys refer to any of these, and that are not among them.
  virtual void referencing(const Vector<Address> &tables, Vector<Address> &found) = 0;
  virtual bool may_truncate(const Address &table) = 0;
  // True if the table has no rows at this moment.
  virtual bool is_empty(const Address &table) = 0;
  // True if PostgreSQL refuses to change the column's type, since a view, a trigger or the like is made of it.
  virtual bool type_is_pinned(const Address &column) = 0;
  // A column's type; nothing if its values are computed from others.
  virtual std::optional<ColumnType> column_type(const Address &column) = 0;
  // The type that a statement names; nothing if there is no such type.
  virtual std::optional<ColumnType> named_type(const void *name) = 0;
  virtual TypeCatalog &types() = 0;
  virtual ObjectFacts facts(const Address &object) = 0;
  // The table that an index, constraint, trigger or rule belongs to, or a default's column; invalid for anything else.
  virtual Address whole_of(const Address &object) = 0;
  virtual ObjectDescription describe(const Address &object, ObjectKind kind) = 0;

protected:
  ~Catalog() = default;
};

} // namespace schema_guard
