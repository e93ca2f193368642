// Refusing a statement: the request, the journal, the server log, and the error with all that a person needs next.
#pragma once

#include "approval/token.hpp"
#include "audit/record.hpp"
#include "core/verdict.hpp"

namespace schema_guard {

// Does not return. SG001, or SG007 for the guard itself; SG002 if the session's token is no use; SG003 if the
// approval lacks something.
[[noreturn]] void deny(const Effects &effects, const Verdict &verdict, const TokenApproval &token, AuditRecord &record);

// Does not return. SG003: another transaction is using those parts of the approval that the verdict has as consumed.
[[noreturn]] void deny_in_use(const Effects &effects, const Verdict &verdict, const TokenApproval &token,
                              AuditRecord &record);

// Does not return. SG006: the rehearsed transaction's effects, as one request. For the end of a transaction.
[[noreturn]] void end_rehearsal(const Effects &effects, const Verdict &verdict, AuditRecord &record);

// What a refusal says of it, such as: cannot drop table public.t without an approval
const char *blocked_message(const Effect &effect, const char *command_tag);

// What a warning says of an effect, such as: sequence public.s is dropped
const char *effect_message(const Effect &effect);

} // namespace schema_guard
