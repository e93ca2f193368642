// The effects of what leaves the object in place: truncating, converting, renaming and the like.
#pragma once

#include "core/effect.hpp"

namespace schema_guard {

// A table that TRUNCATE empties.
struct Truncated {
  Address table;
  bool cascaded = false; // not named by the statement
};

// The rows of these tables: each that is named, with those that inherit from it. With CASCADE, also of those whose
// foreign keys refer to them.
void add_truncations(const Vector<Truncated> &truncated, bool cascade, Catalog &catalog, Arena &arena, Effects &result);

// Any other deed that is not a drop. Sets result.refused where PostgreSQL has no such conversion.
void add_alteration(const Target &target, const Address &address, Catalog &catalog, Arena &arena, Effects &result);

// True if the conversion may lose something of a column that has the one type, and gets the other, whatever the name of
// that in the statement stands for by now.
bool may_lose(const Conversion &conversion, const ColumnType &from, const ColumnType &to, Catalog &catalog);

} // namespace schema_guard
