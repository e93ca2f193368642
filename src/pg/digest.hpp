// SHA-256, by PostgreSQL's own function.
#pragma once

#include "pg/pg.hpp"

#include <string_view>

namespace schema_guard {

// Of a text, in hexadecimal, in the current memory context.
char *sha256_hexadecimal(std::string_view input);

} // namespace schema_guard
