// ALTER TABLE and its like: each subcommand is a target of its own.
#pragma once

#include "core/command.hpp"
#include "pg/pg.hpp"

namespace schema_guard {

void parse_alter_table(const Node *statement, Command &command);

// A target that matters only if it is the guard's own. Nothing if `node` is null.
inline void change_object(Command &command, int object_type, const void *node) {
  if (node != nullptr)
    command.targets.push_back({.deed = Deed::change, .object_type = object_type, .node = node, .missing_ok = true});
}

} // namespace schema_guard
