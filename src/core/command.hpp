// A statement as plain data: what it was asked to do, by name, before anything has been looked up.
//
// Promise: made from a parse tree alone (src/pg/parse), never from query text, and read by effects().
#pragma once

#include "core/memory.hpp"

#include <cstdint>
#include <string_view>

namespace schema_guard {

enum class Verb : std::uint8_t {
  other,      // nothing that can destroy: recorded under the rule other_ddl
  drop,       // the targets go, and with CASCADE what depends on them
  drop_owned, // everything that the target roles own here
};

// One name in a statement. `node` is the embedder's own handle on the name; only its Catalog reads it.
struct Target {
  int object_type = 0;          // the embedder's code for what the statement says it is
  const void *node = nullptr;   // the name
  std::string_view member = {}; // a column or constraint of the object named
  bool missing_ok = false;      // IF EXISTS
  bool recurse = true;          // false for ONLY
  bool changed = false;         // not dropped: it matters only if it is the guard's own
};

struct Command {
  Command(Arena &arena, std::string_view tag) : tag(tag), targets(arena) {}

  Verb verb = Verb::other;
  bool cascade = false;
  std::string_view tag; // PostgreSQL's command tag, such as DROP TABLE
  Vector<Target> targets;
};

} // namespace schema_guard
