// From PostgreSQL's parse tree to a Command.
//
// Promise: looks at the tree only, touches no catalog, and knows every statement through one table of node kinds.
#pragma once

#include "core/command.hpp"
#include "pg/pg.hpp"

namespace schema_guard {

// The command that a utility statement is. The tree must outlive the command.
Command parse_command(const Node *statement, Arena &arena);

// PostgreSQL's command tag, such as ALTER TABLE.
std::string_view command_tag(const Node *statement);

// True if a statement of this kind can have an effect that is not just "some data definition".
bool is_judged(const Node *statement);

// True if PostgreSQL runs event triggers for it, where they are not switched off.
bool fires_event_triggers(const Node *statement);

} // namespace schema_guard
