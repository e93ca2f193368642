// What is stored of a setting, whatever the session itself has: in pg_db_role_setting, on the server's command line,
// and in its files.
//
// Promise: takes ACCESS SHARE on system catalogs only, and runs no query; names are compared as PostgreSQL compares
// those of settings. Works in databases without the extension as well.
#pragma once

#include "core/memory.hpp"
#include "pg/pg.hpp"

#include <cstdint>

namespace schema_guard {

// What is stored for a database and a role, either of which may be InvalidOid; null if nothing.
char *stored_setting(Oid database, Oid role, const char *name);

// What is stored for any one database, whoever logs in there.
void settings_of_databases(const char *name, Vector<const char *> &found);

// In the order in which they count. No environment variable stands for a setting that the guard depends on.
enum class ServerSource : std::uint8_t { command_line, alter_system, files };

// What the server itself has from there; null if nothing.
const char *server_setting(const char *name, ServerSource source);

// What it gives to sessions for which nothing else is stored; null if nothing.
const char *server_setting(const char *name);

} // namespace schema_guard
