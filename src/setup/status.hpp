// The conditions under which the guard covers a database, each found out for itself.
#pragma once

#include "core/memory.hpp"
#include "pg/pg.hpp"
#include "pg/query.hpp"

#include <cstdint>

namespace schema_guard {

enum class State : std::uint8_t {
  ok,
  warning, // something passes that could be covered
  error,   // a layer that should be there is not
};

struct Finding {
  State state = State::ok;
  const char *detail = nullptr;
  const char *remedy = nullptr;
};

struct Condition {
  const char *layer;
  const char *name;
  Finding (*find)(GuardQuery &query, Arena &arena);
};

// Lists, one for each part of the house; see status_*.cpp.
extern const Condition *const sensor_conditions;
extern const std::size_t sensor_condition_count;
extern const Condition *const record_conditions;
extern const std::size_t record_condition_count;
extern const Condition *const rule_conditions;
extern const std::size_t rule_condition_count;

} // namespace schema_guard
