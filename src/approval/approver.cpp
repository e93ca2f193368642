#include "approval/approver.hpp"

#include "pg/arguments.hpp"
#include "pg/extension.hpp"
#include "pg/query.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "utils/acl.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(schema_guard_grant_approver);
PG_FUNCTION_INFO_V1(schema_guard_revoke_approver);
}

namespace schema_guard {

namespace {

// What an approver gets beyond being listed: the same list is granted and revoked.
constexpr const char *privileges[] = {
    "EXECUTE ON FUNCTION schema_guard.approve(bigint, text, interval)",
    "EXECUTE ON FUNCTION schema_guard.reject(bigint, text)",
    "EXECUTE ON FUNCTION schema_guard.revoke(bigint, text)",
    "EXECUTE ON FUNCTION schema_guard.status()",
    "SELECT ON schema_guard.pending, schema_guard.request, schema_guard.approval, schema_guard.approval_effect",
    "SELECT ON schema_guard.approver, schema_guard.audit, schema_guard.blocked, schema_guard.standing_policy",
};

const char *checked_name(Oid role) { return GetUserNameFromId(role, false); }

void change_privileges(GuardQuery &query, const char *verb, const char *preposition, const char *role) {
  for (const char *privilege : privileges)
    query.execute(psprintf("%s %s %s %s", verb, privilege, preposition, quote_identifier(role)));
}

} // namespace

void require_approver(const char *function) {
  GuardQuery query = GuardQuery::open();
  query.execute("SELECT role FROM ONLY schema_guard.approver WHERE revoked_at IS NULL");
  bool listed = false;
  for (uint64 row = 0; row < query.rows() && !listed; ++row)
    listed = is_member_of_role_nosuper(GetSessionUserId(), DatumGetObjectId(query.value(row, 1)));
  query.close();
  if (!listed)
    ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied for function %s", function),
            errdetail("Role \"%s\" is not an approver.", session_role_name()),
            errhint("A superuser or the extension's owner names approvers with schema_guard.grant_approver()."));
}

} // namespace schema_guard

Datum schema_guard_grant_approver(PG_FUNCTION_ARGS) {
  using namespace schema_guard;
  require_administrator("grant_approver");
  const Oid role = DatumGetObjectId(required(fcinfo, 0, "role"));
  const char *name = checked_name(role);
  GuardQuery query = GuardQuery::open();
  query.execute(R"(
INSERT INTO schema_guard.approver (role, role_name, granted_by) VALUES ($1, $2, $3)
    ON CONFLICT (role) WHERE revoked_at IS NULL DO NOTHING)",
                {oid_argument(role), text_argument(name), text_argument(session_role_name())});
  change_privileges(query, "GRANT", "TO", name);
  query.close();
  PG_RETURN_VOID();
}

Datum schema_guard_revoke_approver(PG_FUNCTION_ARGS) {
  using namespace schema_guard;
  require_administrator("revoke_approver");
  const Oid role = DatumGetObjectId(required(fcinfo, 0, "role"));
  const char *name = checked_name(role);
  GuardQuery query = GuardQuery::open();
  const uint64 ended = query.execute(R"(
UPDATE ONLY schema_guard.approver SET revoked_by = $2, revoked_at = pg_catalog.clock_timestamp()
 WHERE role = $1 AND revoked_at IS NULL)",
                                     {oid_argument(role), text_argument(session_role_name())});
  if (ended == 0)
    ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("role \"%s\" is not an approver", name));
  change_privileges(query, "REVOKE", "FROM", name);
  query.close();
  PG_RETURN_VOID();
}
