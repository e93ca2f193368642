// Judging where no policy can be read, no token be checked and no audit be written, since the tables for it are not
// there: in a database without the extension, or after somebody has taken one of them away.
#pragma once

#include "audit/record.hpp"
#include "core/verdict.hpp"

namespace schema_guard {

struct WhyNot {
  const char *detail; // why nobody can approve
  const char *hint;
};

// By the rules' default actions and the mode. Completes the record, and puts into the server log what is more than
// allowed; raises SG001 or SG007 for what is blocked, and a WARNING for what is warned of.
Verdict judge_without_tables(const Effects &found, AuditRecord &record, const WhyNot &reason, Arena &arena);

} // namespace schema_guard
