// What a session can do to guarded databases from one in which the extension is not installed, with the library loaded
// for the whole cluster: drop them, and store settings that turn the guard down.
#pragma once

#include "pg/pg.hpp"

namespace schema_guard {

// Raises SG001 or SG007 for that, if PostgreSQL would do it. There is no audit here and nobody can approve; the attempt
// is kept in the server log.
void judge_elsewhere(const Node *tree);

} // namespace schema_guard
