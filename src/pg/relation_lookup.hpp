// From the name of a table, or of something in it, to its address, and whether the role may do what the statement says.
//
// Promise: as object_lookup.hpp.
#pragma once

#include "core/catalog.hpp"
#include "pg/pg.hpp"

namespace schema_guard {

// True for what DROP finds among the relations.
bool is_relation_type(int object_type);

// DROP TABLE, DROP VIEW and so on.
Resolution look_up_dropped(const Target &target);

// ALTER TABLE and its like.
Resolution look_up_altered(const Target &target);

// A column or constraint in such a statement.
Resolution look_up_member(const Target &target);

// A partition that is detached from target.within.
Resolution look_up_partition(const Target &target);

// TRUNCATE.
Resolution look_up_truncated(const Target &target);

// COPY … FROM: found if it is a system catalog that describes the schema.
Resolution look_up_catalog(const Target &target);

// True for the system catalogs but for statistics, which ANALYZE brings back.
bool is_schema_catalog(Oid relation);

// True for those among them that say which databases there are, and which settings are stored and by whom.
bool is_cluster_catalog(Oid relation);

} // namespace schema_guard
