// Lasting objects that depend on temporary ones: PostgreSQL allows them, and drops them without a word when the
// temporary ones go.
#pragma once

#include "core/effect.hpp"

namespace schema_guard {

// What lasting tables and columns would go with this session's temporary schema, now that a statement has created or
// altered these objects. Empty, at no cost, in a session without temporary objects or after a statement that has
// touched nothing else.
Effects ending_effects(const Vector<Address> &changed, Arena &arena);

} // namespace schema_guard
