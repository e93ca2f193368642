// How much would go: estimates that need neither a lock nor a scan.
#pragma once

#include "pg/pg.hpp"

namespace schema_guard {

// Rows from the cumulative statistics, else from pg_class.reltuples; -1 if neither knows.
double estimated_rows(Oid relation);

// The length of the main fork's files with the TOAST table's, in bytes; -1 if the relation has no files.
int64 bytes_on_disk(Oid relation);

} // namespace schema_guard
