#include "approval/token.hpp"

#include "approval/request.hpp"
#include "pg/extension.hpp"
#include "pg/digest.hpp"
#include "pg/query.hpp"
#include "pg/settings.hpp"
#include "pg/sqlstate.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
}

namespace schema_guard {

namespace {

// The approvals that the current transaction has used, on its own memory.
struct Consumed {
  Consumed() : arena(TopTransactionContext), approvals(arena) {}
  ContextArena arena;
  Vector<int64> approvals;
  Oid extension = guard_objects()->extension;
};
Consumed *consumed_approvals = nullptr;

void remember(int64 approval) {
  if (consumed_approvals == nullptr)
    consumed_approvals = new (MemoryContextAlloc(TopTransactionContext, sizeof(Consumed))) Consumed;
  for (const int64 known : consumed_approvals->approvals)
    if (known == approval)
      return;
  consumed_approvals->approvals.push_back(approval);
}

Datum integer_array(const Vector<std::int32_t> &numbers) {
  auto *elements = static_cast<Datum *>(palloc(sizeof(Datum) * Max(numbers.size(), std::size_t{1})));
  for (std::size_t place = 0; place < numbers.size(); ++place)
    elements[place] = Int32GetDatum(numbers[place]);
  return PointerGetDatum(
      construct_array(elements, static_cast<int>(numbers.size()), INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

void read_effects(GuardQuery &query, Approval &approval, MemoryContext details) {
  query.execute(R"(
SELECT ordinal, rule, class_id, object_id, sub_id, consumed_at IS NOT NULL, detail
  FROM ONLY schema_guard.approval_effect WHERE approval_id = $1)",
                {bigint_argument(approval.id)});
  for (uint64 row = 0; row < query.rows(); ++row) {
    const char *name = query.text(row, 2, CurrentMemoryContext);
    const std::optional<RuleId> rule = find_rule(name);
    if (!rule)
      continue;
    approval.effects.push_back({*rule,
                                {DatumGetObjectId(query.value(row, 3)), DatumGetObjectId(query.value(row, 4)),
                                 DatumGetInt32(query.value(row, 5))},
                                DatumGetInt32(query.value(row, 1)),
                                DatumGetBool(query.value(row, 6)),
                                query.text(row, 7, details)});
  }
  std::sort(approval.effects.data(), approval.effects.data() + approval.effects.size());
}

} // namespace

TokenApproval load_approval(Arena &arena) {
  TokenApproval result;
  const std::string_view token = approval_token();
  if (token.empty())
    return result;
  if (!try_lock_for_reading({guard_objects()->approval, guard_objects()->approval_effect})) {
    result.status = TokenStatus::unreadable;
    return result;
  }
  const char *hash = sha256_hexadecimal(token);
  MemoryContext context = CurrentMemoryContext;

  GuardQuery query = GuardQuery::open();
  query.execute(R"(
SELECT id, request_id, granted_to, revoked_at IS NOT NULL, valid_until <= pg_catalog.clock_timestamp()
  FROM ONLY schema_guard.approval WHERE token_hash = pg_catalog.decode($1, 'hex'))",
                {text_argument(hash)});
  if (query.rows() == 0) {
    result.status = TokenStatus::unknown;
  } else if (DatumGetObjectId(query.value(0, 3)) != GetSessionUserId()) {
    result.status = TokenStatus::other_role;
  } else if (DatumGetBool(query.value(0, 4))) {
    result.status = TokenStatus::revoked;
  } else if (DatumGetBool(query.value(0, 5))) {
    result.status = TokenStatus::expired;
  } else {
    result.status = TokenStatus::valid;
    result.approval = arena.make<Approval>(arena);
    result.approval->id = query.bigint(0, 1);
    result.approval->request_id = query.bigint(0, 2);
    read_effects(query, *result.approval, context);
  }
  query.close();
  return result;
}

bool consume(const Approval &approval, const Vector<std::int32_t> &ordinals, Vector<std::int32_t> &unavailable) {
  GuardQuery query = GuardQuery::open();
  const QueryArgument wanted{INT4ARRAYOID, integer_array(ordinals)};
  // Locked first, and only if they can be had at once: two sessions with one token never wait for each other.
  query.execute(R"(
WITH free AS (SELECT ordinal FROM ONLY schema_guard.approval_effect
               WHERE approval_id = $1 AND ordinal = ANY ($2) AND consumed_at IS NULL
                 FOR UPDATE SKIP LOCKED)
SELECT w.ordinal FROM pg_catalog.unnest($2) AS w (ordinal) LEFT JOIN free ON free.ordinal = w.ordinal
 WHERE free.ordinal IS NULL ORDER BY w.ordinal)",
                {bigint_argument(approval.id), wanted});
  const bool all = query.rows() == 0;
  for (uint64 row = 0; row < query.rows(); ++row)
    unavailable.push_back(DatumGetInt32(query.value(row, 1)));
  if (all)
    query.execute(R"(
UPDATE ONLY schema_guard.approval_effect
   SET consumed_at = pg_catalog.clock_timestamp(), consumed_by = pg_catalog.pg_current_xact_id()
 WHERE approval_id = $1 AND ordinal = ANY ($2))",
                  {bigint_argument(approval.id), wanted});
  query.close();
  if (all)
    remember(approval.id);
  return all;
}

void hold_approval(int64 approval) {
  GuardQuery query = GuardQuery::open();
  query.execute("SELECT FROM ONLY schema_guard.approval WHERE id = $1 AND revoked_at IS NULL FOR SHARE SKIP LOCKED",
                {bigint_argument(approval)});
  const bool held = query.rows() > 0;
  query.close();
  if (!held)
    ereport(ERROR, errcode(sqlstate_token),
            errmsg("approval " INT64_FORMAT " has been revoked, or is being revoked", approval),
            errhint("Ask for another approval."));
}

void check_consumed_approvals() {
  // Where it has been dropped and created again, the approvals went with it.
  if (consumed_approvals == nullptr || guard_objects()->extension != consumed_approvals->extension)
    return;
  for (const int64 approval : consumed_approvals->approvals) {
    GuardQuery query = GuardQuery::open();
    query.execute("SELECT FROM ONLY schema_guard.approval WHERE id = $1 AND revoked_at IS NULL",
                  {bigint_argument(approval)});
    const bool stands = query.rows() > 0;
    query.close();
    if (!stands)
      ereport(ERROR, errcode(sqlstate_token),
              errmsg("approval " INT64_FORMAT " was revoked while this transaction was using it", approval));
  }
}

void forget_consumed_approvals() { consumed_approvals = nullptr; }

} // namespace schema_guard
