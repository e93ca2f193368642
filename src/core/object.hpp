// What the core knows of database objects: an address, and what kind of thing is there.
#pragma once

#include <compare>
#include <cstdint>

namespace schema_guard {

using ObjectId = std::uint32_t;

// The same triple as PostgreSQL's ObjectAddress: the catalog, the row in it, and a column's number or 0.
struct Address {
  ObjectId class_id = 0;
  ObjectId object_id = 0;
  std::int32_t sub_id = 0;

  auto operator<=>(const Address &) const = default;

  bool valid() const { return object_id != 0; }
  Address whole() const { return {class_id, object_id, 0}; }
};

enum class ObjectKind : std::uint8_t {
  none, // no object: the effect is the command itself
  table,
  foreign_table,
  column,          // of a table that stores rows
  attribute,       // of a composite type
  unstored_column, // of a view, an index or a foreign table
  view,
  materialized_view,
  sequence,
  index,
  constraint,
  primary_key,
  function,
  type,
  schema,
  extension,
  large_object,
  database,
  setting, // a stored one that the guard depends on
  other,
};

// What ring 2 looks at when it goes: of everything else ring 1's word is enough.
inline bool holds_rows(ObjectKind kind) {
  return kind == ObjectKind::table || kind == ObjectKind::column || kind == ObjectKind::attribute ||
         kind == ObjectKind::materialized_view || kind == ObjectKind::database;
}

} // namespace schema_guard
