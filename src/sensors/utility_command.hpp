// A utility statement from its start to its end, whichever sensor saw it.
//
// Promise: command_started() judges it before PostgreSQL has taken a lock for it, and returns only if it may go on;
// command_ended() writes its audit row. What is begun and not ended goes with the (sub)transaction; if the guard has
// been switched off meanwhile, command_abandoned() forgets it.
#pragma once

#include "pg/pg.hpp"

namespace schema_guard {

void command_started(const Node *tree, const char *sensor);
void command_ended(const Node *tree, const char *sensor);
void command_abandoned(const Node *tree);

// True if the innermost statement under way has this tree.
bool command_is_under_way(const Node *tree);

// True if a statement with this tree has been begun and not ended, also if it has committed on its way.
bool command_is_open(const Node *tree);

// For statements for which PostgreSQL runs no event triggers: false, and nothing is begun, if the statement has nothing
// to do with what the guard guards.
bool other_command_started(const Node *tree);

} // namespace schema_guard
