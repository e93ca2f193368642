// Which sessions of this database load the library by themselves.
#pragma once

#include "core/memory.hpp"
#include "pg/pg.hpp"
#include "pg/query.hpp"

namespace schema_guard {

constexpr const char *preload_setting = "session_preload_libraries";

// True if every session of the cluster has the library.
bool preloaded_by_cluster();

// What new sessions of this database get that belong to no role with a setting of its own; empty if nothing.
const char *database_preload();

// A role with a list of its own in which the library is missing. What is stored for the role in this database counts
// before what is stored for it everywhere.
struct RolePreload {
  Oid role;
  const char *libraries;
};
Vector<RolePreload> roles_without_library(GuardQuery &query, Arena &arena);

} // namespace schema_guard
