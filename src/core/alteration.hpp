// The effects of what leaves the object in place: truncating, converting, renaming and the like.
#pragma once

#include "core/effect.hpp"

namespace schema_guard {

// The rows of the tables that TRUNCATE names, of those that inherit from them and, with CASCADE, of those whose
// foreign keys refer to them. `named` says how many at the front of `tables` stand in the statement.
void add_truncations(Vector<Address> &tables, std::size_t named, bool cascade, Catalog &catalog, Effects &result);

// Any other deed that is not a drop. Sets result.refused where PostgreSQL has no such conversion.
void add_alteration(const Target &target, const Address &address, Catalog &catalog, Arena &arena, Effects &result);

// A column whose type a statement changes, as it was when the statement was judged.
struct ConvertedColumn {
  Address column;
  ColumnType type;
  bool done = false;
};

// True if the conversion may lose something of a column that has this type.
bool may_lose(const Conversion &conversion, const ColumnType &type, Catalog &catalog);

// All columns that the command converts, as far as they are found, those of inheritance children among them.
Vector<ConvertedColumn> converted_columns(const Command &command, Catalog &catalog, Arena &arena);

} // namespace schema_guard
