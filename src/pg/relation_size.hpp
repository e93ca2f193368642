// How much would go: estimates that need neither a lock nor a scan.
#pragma once

#include "pg/pg.hpp"

namespace schema_guard {

struct RelationSize {
  double rows; // -1 if unknown
  int64 bytes; // of the main fork's files and the TOAST table's; -1 if the relation has none
};

// Rows as the planner counts them, from pg_class and the file's present length; from the cumulative statistics if the
// relation was never analyzed.
RelationSize relation_size(Oid relation);

// True if a table, or a partitioned table by itself, has not one block at the moment.
bool is_empty(Oid relation);

// The same, and it is then locked as TRUNCATE locks it, so that it stays so. What is not empty at the first look is not
// locked.
bool lock_if_empty(Oid relation);

} // namespace schema_guard
