// What a session can do to guarded databases from one in which the extension is not installed, with the library loaded
// for the whole cluster: drop them, store settings that turn the guard down, and write either to the shared catalogs.
#pragma once

#include "core/effect.hpp"
#include "pg/pg.hpp"

namespace schema_guard {

// Raises SG001 or SG007 for that, if PostgreSQL would do it. There is no audit here and nobody can approve; the attempt
// is kept in the server log.
void judge_elsewhere(const Node *tree);

// The same for rows of system catalogs that are about to be written; catalogs of this database are its own business.
void judge_rows_elsewhere(const Effects &found, const char *command_tag, const char *text);

} // namespace schema_guard
