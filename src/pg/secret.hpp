// Statements whose text must not be kept.
#pragma once

#include "pg/pg.hpp"

namespace schema_guard {

// True if the statement's text can hold a password or another secret.
bool may_hold_secret(const Node *statement);

} // namespace schema_guard
