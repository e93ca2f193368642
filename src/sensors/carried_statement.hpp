// A statement such as CREATE INDEX CONCURRENTLY commits on its way. What is needed of it at its end is carried over.
//
// Promise: what is carried is there until a statement begins that is not within it, and never taken for another's.
#pragma once

#include "audit/record.hpp"

namespace schema_guard {

// To be called before a commit: the outermost statement under way, if it is to be recorded.
void carry_statement();
// The record carried, if its statement has this tree; any, if `tree` is null. Null if there is none.
const AuditRecord *carried_record(const Node *tree);
void forget_carried();

} // namespace schema_guard
