// What approvers do: approve, reject, revoke.
#include "approval/approver.hpp"
#include "approval/request.hpp"
#include "pg/arguments.hpp"
#include "pg/compat.hpp"
#include "pg/digest.hpp"
#include "pg/query.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(schema_guard_approve);
PG_FUNCTION_INFO_V1(schema_guard_reject);
PG_FUNCTION_INFO_V1(schema_guard_revoke);
}

namespace schema_guard {

namespace {

constexpr int token_bytes = 32;

// Who decides is who has logged in. Functions of others run in that session, too: as their owners with SECURITY
// DEFINER, or as a table's owner in ANALYZE, REINDEX or REFRESH MATERIALIZED VIEW. Those are not the approver's word.
void require_own_word(const char *function) {
  require_approver(function);
  if (InLocalUserIdChange() || InSecurityRestrictedOperation())
    ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied for function %s", function),
            errdetail("It has been called by what runs with another role's privileges than the session's."),
            errhint("Call it directly, not in a SECURITY DEFINER function, an index or a materialized view."));
}

struct Request {
  int64 id;
  Oid requested_by;
  Oid authenticated_as;
};

// What FOR UPDATE SKIP LOCKED did not find: it does not exist, or somebody else has it in hand at this moment.
[[noreturn]] void report_not_locked(GuardQuery &query, const char *what, const char *exists, int64 id) {
  query.execute(exists, {bigint_argument(id)});
  if (query.rows() == 0)
    ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("%s " INT64_FORMAT " does not exist", what, id),
            errhint("The view schema_guard.pending and the table schema_guard.approval list what there is."));
  ereport(ERROR, errcode(ERRCODE_LOCK_NOT_AVAILABLE),
          errmsg("%s " INT64_FORMAT " is in another approver's hands at this moment", what, id),
          errhint("Look at it again when that transaction has ended."));
  pg_unreachable();
}

// Locks the request, or what it has been joined to, for a decision. Raises if it is not there to be decided, or if
// somebody else is deciding it at this moment.
Request take_request(GuardQuery &query, int64 id) {
  for (int links = 0; links < 10; ++links) {
    query.execute(R"(
SELECT status, joined_to, requested_by, authenticated_as, decided_by FROM ONLY schema_guard.request WHERE id = $1
   FOR UPDATE SKIP LOCKED)",
                  {bigint_argument(id)});
    if (query.rows() == 0)
      report_not_locked(query, "request", "SELECT FROM ONLY schema_guard.request WHERE id = $1", id);
    const char *status = query.text(0, 1, CurrentMemoryContext);
    if (strcmp(status, "joined") == 0) {
      id = query.bigint(0, 2);
      continue;
    }
    if (strcmp(status, "pending") != 0)
      ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
              errmsg("request " INT64_FORMAT " is not pending: it has been %s by %s", id, status,
                     query.text(0, 5, CurrentMemoryContext)));
    return {id, DatumGetObjectId(query.value(0, 3)), DatumGetObjectId(query.value(0, 4))};
  }
  ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("request " INT64_FORMAT " is joined in a circle", id));
  pg_unreachable();
}

// Whoever asked, by any of the names that the two sessions have, is not the second pair of eyes.
void require_other_eyes(const Request &request) {
  if (!four_eyes())
    return;
  for (const Oid requester : {request.requested_by, request.authenticated_as})
    if (requester == GetSessionUserId() || requester == GetAuthenticatedUserId())
      ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
              errmsg("request " INT64_FORMAT " is your own", request.id),
              errhint("Another approver must decide it, as schema_guard.four_eyes is on."));
}

char *new_token() {
  unsigned char bytes[token_bytes];
  if (!pg_strong_random(bytes, sizeof(bytes)))
    ereport(ERROR, errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values"));
  auto *packed = static_cast<bytea *>(palloc(VARHDRSZ + sizeof(bytes)));
  SET_VARSIZE(packed, VARHDRSZ + sizeof(bytes));
  memcpy(VARDATA(packed), bytes, sizeof(bytes));
  const Datum digits = DirectFunctionCall2(binary_encode, PointerGetDatum(packed), CStringGetTextDatum("hex"));
  return psprintf("sg_%s", TextDatumGetCString(digits));
}

Datum checked_validity(FunctionCallInfo fcinfo, int place) {
  const Datum interval = required(fcinfo, place, "valid_for");
  const Datum zero =
      DirectFunctionCall3(interval_in, CStringGetDatum("0"), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
  if (!DatumGetBool(DirectFunctionCall2(interval_gt, interval, zero)))
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("valid_for must be greater than zero"));
  return interval;
}

void decide(GuardQuery &query, int64 request, const char *status, const char *reason) {
  query.execute(
      R"(
UPDATE ONLY schema_guard.request
   SET status = $2, decided_by = $3, decided_at = pg_catalog.clock_timestamp(), decision_reason = $4
 WHERE id = $1)",
      {bigint_argument(request), text_argument(status), text_argument(session_role_name()), text_argument(reason)});
}

constexpr const char *insert_approval = R"(
INSERT INTO schema_guard.approval (request_id, token_hash, granted_to, approved_by, valid_until, reason)
SELECT id, pg_catalog.decode($2, 'hex'), requested_by, $3, pg_catalog.clock_timestamp() + $4, $5
  FROM ONLY schema_guard.request WHERE id = $1
RETURNING id)";

constexpr const char *insert_effects = R"(
INSERT INTO schema_guard.approval_effect
       (approval_id, ordinal, rule, class_id, object_id, sub_id, detail, object_type, identity)
SELECT $2, pg_catalog.min(e.ordinality), e.effect ->> 'rule', (e.effect ->> 'class_id')::oid,
       (e.effect ->> 'object_id')::oid, (e.effect ->> 'sub_id')::integer, coalesce(e.effect ->> 'detail', ''),
       pg_catalog.min(e.effect ->> 'object_type'),
       pg_catalog.min(e.effect ->> 'identity')
  FROM ONLY schema_guard.request AS r, pg_catalog.jsonb_array_elements(r.effects) WITH ORDINALITY AS e (effect, ordinality)
 WHERE r.id = $1 AND e.effect ->> 'action' <> 'allow'
 GROUP BY e.effect ->> 'rule', (e.effect ->> 'class_id')::oid, (e.effect ->> 'object_id')::oid,
          (e.effect ->> 'sub_id')::integer, coalesce(e.effect ->> 'detail', ''))";

} // namespace

} // namespace schema_guard

Datum schema_guard_approve(PG_FUNCTION_ARGS) {
  using namespace schema_guard;
  const int64 id = DatumGetInt64(required(fcinfo, 0, "request_id"));
  const char *reason = required_text(fcinfo, 1, "reason");
  const Datum valid_for = checked_validity(fcinfo, 2);
  require_own_word("approve");

  GuardQuery query = GuardQuery::open();
  const Request request = take_request(query, id);
  require_other_eyes(request);
  const char *token = new_token();
  query.execute(insert_approval, {bigint_argument(request.id),
                                  text_argument(sha256_hexadecimal(token)),
                                  text_argument(session_role_name()),
                                  {INTERVALOID, valid_for},
                                  text_argument(reason)});
  const int64 approval = query.bigint(0, 1);
  query.execute(insert_effects, {bigint_argument(request.id), bigint_argument(approval)});
  decide(query, request.id, "approved", reason);
  // The result must outlive the query's memory.
  const MemoryContext context = fcinfo->flinfo->fn_mcxt;
  char *result = MemoryContextStrdup(context, token);
  query.close();
  PG_RETURN_TEXT_P(cstring_to_text(result));
}

Datum schema_guard_reject(PG_FUNCTION_ARGS) {
  using namespace schema_guard;
  const int64 id = DatumGetInt64(required(fcinfo, 0, "request_id"));
  const char *reason = required_text(fcinfo, 1, "reason");
  require_own_word("reject");
  GuardQuery query = GuardQuery::open();
  const Request request = take_request(query, id);
  decide(query, request.id, "rejected", reason);
  query.close();
  PG_RETURN_VOID();
}

Datum schema_guard_revoke(PG_FUNCTION_ARGS) {
  using namespace schema_guard;
  const int64 id = DatumGetInt64(required(fcinfo, 0, "approval_id"));
  const char *reason = required_text(fcinfo, 1, "reason");
  require_own_word("revoke");
  GuardQuery query = GuardQuery::open();
  query.execute("SELECT revoked_by FROM ONLY schema_guard.approval WHERE id = $1 FOR UPDATE SKIP LOCKED",
                {bigint_argument(id)});
  if (query.rows() == 0)
    report_not_locked(query, "approval", "SELECT FROM ONLY schema_guard.approval WHERE id = $1", id);
  if (!query.is_null(0, 1))
    ereport(
        ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
        errmsg("approval " INT64_FORMAT " has already been revoked by %s", id, query.text(0, 1, CurrentMemoryContext)));
  query.execute(R"(
UPDATE ONLY schema_guard.approval
   SET revoked_by = $2, revoked_at = pg_catalog.clock_timestamp(), revocation_reason = $3
 WHERE id = $1)",
                {bigint_argument(id), text_argument(session_role_name()), text_argument(reason)});
  query.close();
  PG_RETURN_VOID();
}
