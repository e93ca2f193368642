// The SQLSTATEs that schema_guard raises. Public: clients tell the cases apart by them.
#pragma once

#include "pg/pg.hpp"

namespace schema_guard {

constexpr int sqlstate_blocked = MAKE_SQLSTATE('S', 'G', '0', '0', '1');
constexpr int sqlstate_token = MAKE_SQLSTATE('S', 'G', '0', '0', '2');
constexpr int sqlstate_not_covered = MAKE_SQLSTATE('S', 'G', '0', '0', '3');
constexpr int sqlstate_rehearsed = MAKE_SQLSTATE('S', 'G', '0', '0', '6');
constexpr int sqlstate_tampering = MAKE_SQLSTATE('S', 'G', '0', '0', '7');

} // namespace schema_guard
