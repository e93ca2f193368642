// A function's definition as one text, to tell whether two statements define the same.
#pragma once

#include "pg/pg.hpp"

namespace schema_guard {

// Of CREATE FUNCTION or ALTER FUNCTION, in the current memory context. The same for two statements only if they define
// the same; a body that is written in SQL itself (RETURN, BEGIN ATOMIC) never is.
const char *function_definition(const Node *statement);

} // namespace schema_guard
