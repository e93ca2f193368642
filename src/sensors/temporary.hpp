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

// True if a deletion with these flags (PERFORM_DELETION_…) removes what a session that has ended, or is ending, has
// left in its temporary schema.
bool is_clean_up(int flags);

// Such a deletion takes a lasting object along, which had come to depend on a temporary one while the guard did not
// look. Never refuses: an error would come back in every session that gets the same temporary schema, which could not
// create temporary objects, or in every autovacuum worker, until a superuser finds out; and there is nobody left who
// could be asked for an approval. The loss is recorded, and in the server log.
void record_clean_up(const Address &object);

} // namespace schema_guard
