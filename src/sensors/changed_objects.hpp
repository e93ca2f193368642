// The objects that the statement now ending has created or altered, by PostgreSQL's own account.
#pragma once

namespace schema_guard {

// A JSON array, in the current memory context; null if there are none. Only within a ddl_command_end trigger.
char *changed_objects_json();

} // namespace schema_guard
