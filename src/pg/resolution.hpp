// The answers of a look-up.
#pragma once

#include "core/catalog.hpp"
#include "pg/pg.hpp"

namespace schema_guard {

// PostgreSQL is going to refuse the statement.
constexpr Resolution refused{Resolution::Status::refused, {}};
// The statement has nothing there that matters.
constexpr Resolution elsewhere{Resolution::Status::missing, {}};

inline Resolution not_found(const Target &target) { return target.missing_ok ? elsewhere : refused; }

inline Resolution found(Oid class_id, Oid object_id, int32 sub_id = 0) {
  return {Resolution::Status::found, {class_id, object_id, sub_id}};
}

} // namespace schema_guard
