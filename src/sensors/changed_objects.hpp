// The objects that the statement now ending has created or altered.
#pragma once

#include "core/memory.hpp"
#include "core/object.hpp"
#include "pg/json.hpp"

namespace schema_guard {

// An array, in the current memory context; null if there are none. Only within a ddl_command_end trigger. `changed`
// is what ring 2 saw; where that is nothing (COMMENT, GRANT), PostgreSQL's own account is asked for, at a cost.
Jsonb *changed_objects_json(const Vector<Address> &changed);

} // namespace schema_guard
