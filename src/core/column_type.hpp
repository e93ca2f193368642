// Whether a change of a column's type can lose anything of its values.
//
// Promise: says that everything is kept only where that is known: from the casts that PostgreSQL would use, and from
// what its own types' values are. A conversion that fails on a value it can't take loses nothing: the statement fails.
#pragma once

#include "core/memory.hpp"
#include "core/object.hpp"

namespace schema_guard {

// A type as a column has it. The modifier is PostgreSQL's atttypmod, such as the length of varchar(10); -1 is none.
struct ColumnType {
  ObjectId type = 0;
  std::int32_t modifier = -1;

  bool operator==(const ColumnType &) const = default;
};

// What PostgreSQL would do to get from one type to another (find_coercion_pathway in parser/parse_coerce.c).
enum class CoercionPath : std::uint8_t {
  none,         // it refuses
  relabel,      // the same bits
  function,     // a cast's function
  array,        // each element by itself
  input_output, // written as text and read again
};

struct TypeFacts {
  ObjectId element = 0;   // of an array; else 0
  bool is_text = false;   // of the string category
  bool takes_any = false; // keeps any text as it is, as text and varchar do
  bool is_enum = false;
};

// What the decision asks of a database.
class TypeCatalog {
public:
  // The type under a domain, or the type itself.
  virtual ColumnType base_type(const ColumnType &type) = 0;
  virtual TypeFacts type_facts(ObjectId type) = 0;
  virtual CoercionPath coercion(ObjectId from, ObjectId to, bool is_explicit) = 0;
  // True if the type itself says that every value of the one length fits the other unchanged (SupportRequestSimplify).
  virtual bool length_fits(ObjectId type, std::int32_t from, std::int32_t to) = 0;
  // True if local time and UTC stand in a fixed relation in this session.
  virtual bool time_zone_is_fixed() = 0;
  // True if this session writes floating-point numbers with all their digits, and timestamps with their offset.
  virtual bool output_is_exact() = 0;

protected:
  ~TypeCatalog() = default;
};

enum class Retention : std::uint8_t {
  everything, // each value is kept, or the statement fails
  unknown,    // something may be lost
  refused,    // PostgreSQL has no such conversion
};

// One cast from a type to another. `is_explicit` for CAST, not for an assignment.
Retention retention(const ColumnType &from, const ColumnType &to, bool is_explicit, TypeCatalog &types);

// AT TIME ZONE 'UTC': what it makes of a type; type 0 if it takes no such type.
ColumnType at_utc(const ColumnType &from);

} // namespace schema_guard
