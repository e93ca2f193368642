// Settings that are stored for later sessions, and that the guard depends on: ALTER SYSTEM, ALTER DATABASE and ALTER
// ROLE, SET clauses of functions, and the right to set them.
//
// Promise: a change counts only if it turns the guard down or unloads it, compared with what is stored now, or is on
// the server's command line, and not with what the session happens to have, and only if PostgreSQL would let the role
// make it. Takes ACCESS SHARE on system catalogs only.
#pragma once

#include "core/catalog.hpp"
#include "pg/pg.hpp"

#include <optional>

namespace schema_guard {

// The code of a Target whose node is the whole statement; none of PostgreSQL's ObjectType.
constexpr int stored_setting_object = 1000;

// A change that would turn the guard down. The address is made from all that the change consists of, so that an
// approval for one value, place, function or grantee is none for another.
struct SettingChange {
  Address address;
  const char *identity; // such as: schema_guard.mode = off of role app in database shop
};

// Nothing if the statement does no such thing.
std::optional<SettingChange> weakening_change(const Node *statement);

// The SET and RESET clauses that the statement stores, as VariableSetStmt; NIL of any other statement.
List *stored_clauses(const Node *statement);

} // namespace schema_guard
