// What an approval is bound to beside rule and object.
#pragma once

#include "core/effect.hpp"

namespace schema_guard {

// A dropped table is a dropped table, but a column can be given any type and a table of the guard's be changed in any
// way. So effects of such rules are bound to the statement that the approver has read, and to the schemas that were in
// its search_path when it was refused: another one is not covered. This only ever narrows what an approval allows.
// Where the text does not say everything (it is null, redacted or cut) no approval can cover it at all; callers pass
// null where parameters, or what COPY reads, are a part of it.
void bind_to_statement(Effects &effects, const char *command_tag, const char *statement, Arena &arena);

} // namespace schema_guard
