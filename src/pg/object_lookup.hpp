// From a name in a statement to an object, and whether a role may drop that.
//
// Promise: no lock on any object. Answers "refused" where PostgreSQL is going to refuse the statement by itself,
// and raises nothing that PostgreSQL would not raise for the same name.
#pragma once

#include "core/catalog.hpp"
#include "pg/pg.hpp"

namespace schema_guard {

Resolution look_up(const Target &target);

// False where dropdb() (commands/dbcommands.c) refuses by itself: the present database, and templates.
bool can_drop_database(Oid database);

} // namespace schema_guard
