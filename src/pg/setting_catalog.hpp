// What is stored of a setting, whatever the session itself has: in pg_db_role_setting, and in the server's files.
//
// Promise: takes ACCESS SHARE on system catalogs only; names are compared as PostgreSQL compares those of settings.
#pragma once

#include "core/memory.hpp"
#include "pg/pg.hpp"

#include <cstdint>

namespace schema_guard {

// What is stored for a database and a role, either of which may be InvalidOid; null if nothing.
char *stored_setting(Oid database, Oid role, const char *name);

// What is stored for any one database, whoever logs in there.
void settings_of_databases(const char *name, Vector<const char *> &found);

enum class SettingFile : std::uint8_t { any, alter_system, others };

// What the server's files say; null if nothing.
const char *file_setting(const char *name, SettingFile file);

} // namespace schema_guard
