#include "pg/arguments.hpp"

#include "pg/extension.hpp"

extern "C" {
#include "utils/acl.h"
#include "utils/builtins.h"
}

namespace schema_guard {

Datum required(FunctionCallInfo fcinfo, int place, const char *name) {
  if (PG_ARGISNULL(place))
    ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be null", name));
  return PG_GETARG_DATUM(place);
}

char *required_text(FunctionCallInfo fcinfo, int place, const char *name) {
  char *value = TextDatumGetCString(required(fcinfo, place, name));
  if (strspn(value, " \t\r\n") == strlen(value))
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s must not be empty", name),
            strcmp(name, "reason") == 0 ? errhint("Say why: it stays on record.") : 0);
  return value;
}

const char *session_role_name() { return GetUserNameFromId(GetSessionUserId(), false); }

void require_administrator(const char *function) {
  const GuardObjects *objects = guard_objects();
  if (objects == nullptr || !has_privs_of_role(GetUserId(), objects->owner))
    ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied for function %s", function),
            errhint("Only superusers and the owner of extension schema_guard may call it."));
}

} // namespace schema_guard
