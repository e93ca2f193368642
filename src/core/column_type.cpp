#include "core/column_type.hpp"

namespace schema_guard {

namespace {

// PostgreSQL's own types by their OIDs, which never change (catalog/pg_type.dat).
enum BuiltIn : ObjectId {
  bool_type = 16,
  char_type = 18,
  name_type = 19,
  int8_type = 20,
  int2_type = 21,
  int4_type = 23,
  text_type = 25,
  regproc_type = 24,
  oid_type = 26,
  xml_type = 142,
  cidr_type = 650,
  float4_type = 700,
  float8_type = 701,
  macaddr8_type = 774,
  money_type = 790,
  macaddr_type = 829,
  inet_type = 869,
  bpchar_type = 1042,
  varchar_type = 1043,
  date_type = 1082,
  time_type = 1083,
  timestamp_type = 1114,
  timestamptz_type = 1184,
  interval_type = 1186,
  timetz_type = 1266,
  bit_type = 1560,
  varbit_type = 1562,
  numeric_type = 1700,
  regoper_type = 2203,
  uuid_type = 2950,
};

// What of a pair's values is certain to be kept by the function that casts them.
enum class Known : std::uint8_t {
  kept,          // all of it
  whole_numbers, // all of it if the source has no digits after the point
  zone,          // all of it if the time zone is a fixed distance from UTC
};

struct KnownCast {
  ObjectId from;
  ObjectId to;
  Known known;
};

constexpr KnownCast known_casts[] = {
    {int2_type, int4_type, Known::kept},
    {int2_type, int8_type, Known::kept},
    {int2_type, numeric_type, Known::kept},
    {int2_type, float4_type, Known::kept}, // 24 bits of mantissa
    {int2_type, float8_type, Known::kept},
    {int4_type, int2_type, Known::kept}, // or out of range
    {int4_type, int8_type, Known::kept},
    {int4_type, numeric_type, Known::kept},
    {int4_type, float8_type, Known::kept}, // 53 bits
    {int8_type, int2_type, Known::kept},
    {int8_type, int4_type, Known::kept},
    {int8_type, numeric_type, Known::kept},
    {int8_type, oid_type, Known::kept}, // or out of range
    {oid_type, int8_type, Known::kept},
    {numeric_type, int2_type, Known::whole_numbers},
    {numeric_type, int4_type, Known::whole_numbers},
    {numeric_type, int8_type, Known::whole_numbers},
    {float4_type, float8_type, Known::kept},
    {money_type, numeric_type, Known::kept},
    {bool_type, int4_type, Known::kept},
    {bool_type, text_type, Known::kept},
    {bool_type, varchar_type, Known::kept},
    {char_type, int4_type, Known::kept},
    {char_type, text_type, Known::kept},
    {char_type, varchar_type, Known::kept},
    {name_type, text_type, Known::kept},
    {name_type, varchar_type, Known::kept},
    {bpchar_type, text_type, Known::kept}, // blanks at the end have no meaning in char(n)
    {bpchar_type, varchar_type, Known::kept},
    {inet_type, text_type, Known::kept},
    {inet_type, varchar_type, Known::kept},
    {cidr_type, text_type, Known::kept},
    {cidr_type, varchar_type, Known::kept},
    {xml_type, text_type, Known::kept},
    {xml_type, varchar_type, Known::kept},
    {macaddr_type, macaddr8_type, Known::kept},
    {date_type, timestamp_type, Known::kept},
    {date_type, timestamptz_type, Known::zone}, // some zones have skipped whole days
    {time_type, interval_type, Known::kept},
    {timestamp_type, timestamptz_type, Known::zone},
    {timestamptz_type, timestamp_type, Known::zone},
};

// Types whose values are written in one way whatever the session's settings, and never with a blank at the end; and how
// many characters the longest takes, 0 for any number.
struct PlainType {
  ObjectId type;
  std::int32_t longest;
};

constexpr PlainType plainly_written[] = {
    {bool_type, 5},  {int2_type, 6},     {int4_type, 11},     {int8_type, 20},  {oid_type, 10},
    {uuid_type, 36}, {macaddr_type, 17}, {macaddr8_type, 23}, {date_type, 13},  {cidr_type, 43},
    {inet_type, 43}, {numeric_type, 0},  {bit_type, 0},       {varbit_type, 0},
};
constexpr std::int32_t longest_enum_label = 63; // NAMEDATALEN

const PlainType *find_plain(ObjectId type) {
  for (const PlainType &row : plainly_written)
    if (row.type == type)
      return &row;
  return nullptr;
}

// The same for these, if the session writes exactly.
constexpr ObjectId exactly_written[] = {float4_type, float8_type,    money_type,       time_type,
                                        timetz_type, timestamp_type, timestamptz_type, interval_type};
// What is written alike for two different values.
constexpr ObjectId vaguely_written[] = {regproc_type, regoper_type};

template <std::size_t size> bool is_among(const ObjectId (&types)[size], ObjectId type) {
  for (const ObjectId each : types)
    if (each == type)
      return true;
  return false;
}

constexpr std::int32_t header_bytes = 4; // VARHDRSZ, which text and numeric modifiers count
constexpr std::int32_t full_precision = 6;

bool is_cut_text(ObjectId type) { return type == varchar_type || type == bpchar_type; }

bool has_seconds_precision(ObjectId type) {
  return type == timestamp_type || type == timestamptz_type || type == time_type || type == timetz_type;
}

// numeric_typmod_scale in utils/adt/numeric.c
std::int32_t numeric_scale(std::int32_t modifier) { return (((modifier - header_bytes) & 0x7ff) ^ 1024) - 1024; }

// Within one type.
Retention length_retention(ObjectId type, std::int32_t from, std::int32_t to, bool is_explicit, TypeCatalog &types) {
  const auto only_if = [](bool kept) { return kept ? Retention::everything : Retention::unknown; };
  if (from == to || to < 0)
    return Retention::everything;
  // What is too long fails if it is assigned, apart from blanks; CAST cuts it.
  if (is_cut_text(type))
    return only_if(from >= 0 && to >= from);
  if (type == bit_type || type == varbit_type)
    return only_if(!is_explicit || (from >= 0 && to >= from));
  // Digits before the point overflow; those behind it are rounded away.
  if (type == numeric_type)
    return only_if(from >= 0 && numeric_scale(to) >= numeric_scale(from));
  if (has_seconds_precision(type))
    return only_if(to >= (from < 0 ? full_precision : from));
  return only_if(types.length_fits(type, from, to));
}

const KnownCast *find_known_cast(ObjectId from, ObjectId to) {
  for (const KnownCast &row : known_casts)
    if (row.from == from && row.to == to)
      return &row;
  return nullptr;
}

bool function_keeps(const ColumnType &from, ObjectId to, TypeCatalog &types) {
  const KnownCast *row = find_known_cast(from.type, to);
  if (row == nullptr)
    return false;
  switch (row->known) {
  case Known::kept:
    return true;
  case Known::whole_numbers:
    return from.modifier >= 0 && numeric_scale(from.modifier) <= 0;
  case Known::zone:
    return types.time_zone_is_fixed();
  }
  return false;
}

// A type's output can be read back: pg_dump lives on that. Reading text is another matter, but for an enum's names.
bool text_keeps(ObjectId from, ObjectId to, TypeCatalog &types) {
  const TypeFacts source = types.type_facts(from);
  const TypeFacts target = types.type_facts(to);
  if (target.takes_any)
    return !is_among(vaguely_written, from) && !is_among(vaguely_written, source.element) &&
           (types.output_is_exact() || find_plain(from) != nullptr || source.is_text || source.is_enum);
  return target.is_enum && source.is_text && from != bpchar_type;
}

// The length, after the type has changed. A value that comes from elsewhere has the length that it needs.
Retention new_length_retention(const ColumnType &from, const ColumnType &to, bool is_explicit, TypeCatalog &types) {
  const auto only_if = [](bool kept) { return kept ? Retention::everything : Retention::unknown; };
  if (to.modifier < 0)
    return Retention::everything;
  if (is_cut_text(to.type)) {
    if (is_cut_text(from.type) && to.type == varchar_type)
      return length_retention(to.type, from.modifier, to.modifier, is_explicit, types);
    // Blanks at the end are cut without a word, whatever they come from; the rest by a cast only.
    const std::int32_t room = to.modifier - header_bytes;
    if (types.type_facts(from.type).is_enum)
      return only_if(room >= longest_enum_label);
    if (const PlainType *plain = find_plain(from.type); plain != nullptr)
      return only_if(!is_explicit || (plain->longest > 0 && room >= plain->longest));
    return only_if(!is_explicit && is_among(exactly_written, from.type));
  }
  if (to.type == numeric_type) // all that get here are whole numbers, but for money
    return only_if(from.type != money_type && numeric_scale(to.modifier) >= 0);
  if (to.type == timestamp_type || to.type == timestamptz_type)
    return from.type == date_type ? Retention::everything
                                  : length_retention(to.type, from.modifier, to.modifier, is_explicit, types);
  if (to.type == bit_type) // padded, if it is a cast
    return only_if(!is_explicit);
  if (to.type == varbit_type)
    return length_retention(to.type, from.modifier, to.modifier, is_explicit, types);
  return Retention::unknown;
}

} // namespace

Retention retention(const ColumnType &from_type, const ColumnType &to_type, bool is_explicit, TypeCatalog &types) {
  const ColumnType from = types.base_type(from_type);
  const ColumnType to = types.base_type(to_type);
  if (from.type == to.type && types.type_facts(to.type).element == 0)
    return length_retention(to.type, from.modifier, to.modifier, is_explicit, types);

  // Element by element, unless somebody has made a cast for the arrays themselves.
  const CoercionPath path =
      from.type == to.type ? CoercionPath::array : types.coercion(from.type, to.type, is_explicit);
  const ObjectId from_element = types.type_facts(from.type).element;
  const ObjectId to_element = types.type_facts(to.type).element;
  if (path == CoercionPath::array && from_element != 0 && to_element != 0)
    return retention({from_element, from.modifier}, {to_element, to.modifier}, is_explicit, types);

  bool kept = false;
  switch (path) {
  case CoercionPath::none:
    return Retention::refused;
  case CoercionPath::relabel:
    kept = to.type != bpchar_type || from.type == bpchar_type; // where blanks at the end have no meaning
    break;
  case CoercionPath::function:
    kept = function_keeps(from, to.type, types);
    break;
  case CoercionPath::input_output:
    kept = text_keeps(from.type, to.type, types);
    break;
  case CoercionPath::array:
    break;
  }
  return kept ? new_length_retention(from, to, is_explicit, types) : Retention::unknown;
}

ColumnType at_utc(const ColumnType &from) {
  if (from.type == timestamp_type)
    return {timestamptz_type, from.modifier};
  if (from.type == timestamptz_type)
    return {timestamp_type, from.modifier};
  return {};
}

} // namespace schema_guard
