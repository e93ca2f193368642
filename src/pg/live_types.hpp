// The TypeCatalog that answers from this database, by the ways that PostgreSQL itself goes.
//
// Promise: looks at types and casts only; takes no lock on anything of a user's.
#pragma once

#include "core/column_type.hpp"
#include "pg/pg.hpp"

#include <optional>

namespace schema_guard {

class LiveTypes final : public TypeCatalog {
public:
  ColumnType base_type(const ColumnType &type) override;
  TypeFacts type_facts(ObjectId type) override;
  CoercionPath coercion(ObjectId from, ObjectId to, bool is_explicit) override;
  bool length_fits(ObjectId type, std::int32_t from, std::int32_t to) override;
  bool time_zone_is_fixed() override;
  bool output_is_exact() override;
};

// The type of a column; nothing for one that is computed from others, and for what is no column.
std::optional<ColumnType> type_of_column(const Address &column);

// The type that a column has got in the row that this command has just written, and that nothing else can see yet.
std::optional<ColumnType> type_being_given(const Address &column);

// The type that a TypeName stands for; nothing if there is none.
std::optional<ColumnType> type_by_type_name(const void *name);

} // namespace schema_guard
