// Settings that are stored for later sessions, and that the guard depends on: ALTER SYSTEM, ALTER DATABASE and ALTER
// ROLE, SET clauses of functions, and the right to set them.
//
// Promise: a change counts only if it turns the guard down or unloads it, and only if PostgreSQL would let the role
// make it. Takes ACCESS SHARE on system catalogs only.
#pragma once

#include "core/catalog.hpp"
#include "pg/pg.hpp"

namespace schema_guard {

// The code of a Target whose node is the whole statement; none of PostgreSQL's ObjectType.
constexpr int stored_setting_object = 1000;

// Found if the statement would turn the guard down, with an address for the setting and where it is stored.
Resolution look_up_stored_setting(const Node *statement);

// What such an address stands for, such as: setting schema_guard.mode of database shop.
ObjectDescription describe_stored_setting(const Address &address, Arena &arena);

// True if the statement stores nothing but a setting that the guard depends on.
bool names_guarded_setting(const Node *statement);

// True if a value of session_preload_libraries or shared_preload_libraries has the guard in it.
bool lists_guard_library(const char *libraries);

// What is stored for a setting, for a database and a role, either of which may be InvalidOid; null if nothing.
char *stored_setting(Oid database, Oid role, const char *name);

} // namespace schema_guard
