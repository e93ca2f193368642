// Ring 2 sees each truncation before PostgreSQL looks for what would make it refuse the statement.
//
// Promise: what it let go by for that reason is not forgotten.
#pragma once

namespace schema_guard {

// At the end of a TRUNCATE that PostgreSQL should have refused, and has not: refuses it now, with all that it has done.
void judge_unexpected_truncation();

} // namespace schema_guard
