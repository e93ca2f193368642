// What kind of thing an object is, and whether anything in it could be missed.
#pragma once

#include "core/catalog.hpp"
#include "pg/pg.hpp"

namespace schema_guard {

// `catalog` is asked for the users of a composite type.
ObjectFacts object_facts(const Address &object, Catalog &catalog, Arena &arena);

// The relation that an index, constraint, trigger, rule or policy belongs to, or a default's column; invalid for
// anything else.
Address whole_of_part(const Address &object);

// True for a table made with CREATE TABLE … OF the type.
bool relation_is_typed_by(Oid relation, Oid type);

} // namespace schema_guard
