// A statement as plain data: what it was asked to do, by name, before anything has been looked up.
//
// Promise: made from a parse tree alone (src/pg/parse), never from query text, and read by effects().
#pragma once

#include "core/memory.hpp"

#include <cstdint>
#include <string_view>

namespace schema_guard {

// What a statement does to one of its targets.
enum class Deed : std::uint8_t {
  drop,          // it goes, and with CASCADE what depends on it
  drop_owned,    // everything goes that the target, a role, owns here
  truncate,      // its rows go
  convert,       // a column's values become those of another type
  become_view,   // a table turns into a view
  drop_identity, // a column's sequence goes
  detach,        // a partition is taken out of its table
  rename,        // the target, or the member named, gets another name
  move,          // to another schema
  set_unlogged,  // its rows no longer survive a crash
  write_rows,    // it gets rows by COPY: it matters only if it is a system catalog
  change,        // anything else: it matters only if the target is the guard's own
  change_owned,  // the same for everything that the target, a role, owns here
};

// One step on the way from a column's old value to its new one.
struct ConversionStep {
  const void *type = nullptr; // the type's name, for the Catalog; null: AT TIME ZONE 'UTC'
  bool is_explicit = false;   // CAST, which cuts silently where an assignment would fail
};

// ALTER COLUMN … TYPE: how the new values come about.
struct Conversion {
  explicit Conversion(Arena &arena) : steps(arena) {}

  bool of_the_column = true; // nothing but the steps, beginning at the column's value
  Vector<ConversionStep> steps;
};

// One name in a statement. `node` is the embedder's own handle on the name; only its Catalog reads it.
struct Target {
  Deed deed = Deed::drop;
  int object_type = 0;          // the embedder's code for what the statement says it is
  const void *node = nullptr;   // the name
  const void *within = nullptr; // of a partition, its table's name; of what moves, its new schema's
  std::string_view member = {}; // a column or constraint of the object named
  bool missing_ok = false;      // IF EXISTS
  bool recurse = true;          // false for ONLY
  const Conversion *conversion = nullptr;
};

struct Command {
  Command(Arena &arena, std::string_view tag) : tag(tag), targets(arena) {}

  bool cascade = false;
  bool can_be_undone = true; // false where a rollback would come too late
  std::string_view tag;      // PostgreSQL's command tag, such as DROP TABLE
  Vector<Target> targets;
};

} // namespace schema_guard
