// A relation by its name in a statement.
#pragma once

#include "pg/pg.hpp"

namespace schema_guard {

// InvalidOid where there is none, and where the role may not look: PostgreSQL has its own errors for that, and may have
// another one to raise before them. Takes no lock.
Oid relation_named(const RangeVar *range);

} // namespace schema_guard
