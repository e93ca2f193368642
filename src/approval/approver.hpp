// Who may approve.
#pragma once

#include "pg/pg.hpp"

namespace schema_guard {

// Raises 42501 unless the session's role is a member of a role that grant_approver() named. Being a superuser does not
// make an approver.
void require_approver(const char *function);

} // namespace schema_guard
