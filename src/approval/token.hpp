// From the session's token to the approval behind it, and the use of that approval.
#pragma once

#include "core/verdict.hpp"
#include "pg/memory.hpp"

namespace schema_guard {

enum class TokenStatus : std::uint8_t { none, valid, unknown, expired, revoked, other_role, unreadable };

struct TokenApproval {
  TokenStatus status = TokenStatus::none;
  Approval *approval = nullptr; // set if valid
};

// What the session's token stands for, as committed now, whatever snapshot the transaction has.
TokenApproval load_approval(Arena &arena);

// Marks effects of an approval as consumed, in this transaction: they count as such when it commits, and are given back
// if it, or the savepoint, is rolled back. False, with nothing marked, if another transaction has consumed some of
// them or is about to; `unavailable` receives these. Never waits.
bool consume(const Approval &approval, const Vector<std::int32_t> &ordinals, Vector<std::int32_t> &unavailable);

// For what no rollback undoes: keeps the approval from being revoked until the transaction ends, so that its commit
// can't fail for that. Raises SG002 if it has been revoked, or is being revoked at this moment.
void hold_approval(int64 approval);

// Raises SG002 if an approval that this transaction consumed from has been revoked since. Called before the commit.
void check_consumed_approvals();
void forget_consumed_approvals();

} // namespace schema_guard
