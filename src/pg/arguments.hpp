// The arguments of SQL functions: what is missing or empty gets an error that names it.
#pragma once

#include "pg/pg.hpp"

#include <string_view>

namespace schema_guard {

// A required argument; raises 22004 if it is null. `name` is for the message.
Datum required(FunctionCallInfo fcinfo, int place, const char *name);

// A required text that says something; raises 22023 if it is empty or blank.
char *required_text(FunctionCallInfo fcinfo, int place, const char *name);

// The name of the role that the session belongs to: who is on record for what a function does.
const char *session_role_name();

// Raises 42501 unless the role may administer the guard: a superuser, or the extension's owner.
void require_administrator(const char *function);

} // namespace schema_guard
