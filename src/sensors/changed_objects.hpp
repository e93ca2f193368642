// The objects that the statement now ending has created, altered or, where ring 1 knew nothing, dropped.
#pragma once

#include "pg/json.hpp"

namespace schema_guard {

struct Statement;

// An array, in the current memory context; null if there are none. It is what ring 2 saw; where that is nothing
// (COMMENT, GRANT), PostgreSQL's own account is asked for, at a cost, if this is within a ddl_command_end trigger.
// `statement` may be null.
Jsonb *changed_objects_json(const Statement *statement, bool in_event_trigger);

} // namespace schema_guard
