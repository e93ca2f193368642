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

// True if the statement's text can hold a password or another secret.
bool may_hold_secret(const Node *statement);

} // namespace schema_guard
