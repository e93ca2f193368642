// ALTER COLUMN … TYPE, once its lock is there. It was judged without one, by names: somebody may have changed the
// column since, or put another in its place, or given a type's name to another type; an earlier subcommand may have
// removed what PostgreSQL would have refused it for; and what casts depend on, such as TimeZone, may be another in the
// end.
#pragma once

#include "core/object.hpp"

namespace schema_guard {

// A column's row has been written, by whatever subcommand, but cannot be seen yet.
void column_altered(const Address &column);

// The innermost statement's conversions are done.
void judge_finished_conversions();

} // namespace schema_guard
