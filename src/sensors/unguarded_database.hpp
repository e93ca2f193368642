// DROP DATABASE from a database in which the extension is not installed, with the library loaded for the whole cluster.
#pragma once

#include "pg/pg.hpp"

namespace schema_guard {

// Raises SG001 if the database is protected and PostgreSQL would drop it. There is no audit here and nobody can
// approve; the attempt is kept in the server log.
void drop_database_elsewhere(const DropdbStmt *statement);

} // namespace schema_guard
