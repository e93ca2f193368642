// Lasting objects that depend on temporary ones: PostgreSQL allows them, and drops them without a word when the
// temporary ones go.
#pragma once

#include "core/memory.hpp"
#include "core/object.hpp"

namespace schema_guard {

// Raises SG001 if one of the objects that a statement has created or altered is lasting, would take rows along, and has
// been made to depend, directly or not, on something in a temporary schema, this session's or another's. No approval
// helps: the loss would come later, at a moment that nobody can refuse. A WARNING where the mode or the policy would
// let the drop pass with one. What depended on it before the transaction is no reason. Costs a few index scans for each
// object.
void refuse_temporary_foundations(const Vector<Address> &changed);

} // namespace schema_guard
