#include "sensors/carried_statement.hpp"

#include "sensors/statement.hpp"

namespace schema_guard {

namespace {

struct {
  MemoryContext context;
  const Node *tree;
  AuditRecord record;
  bool there;
} carried{};

} // namespace

void carry_statement() {
  const TransactionState *state = transaction_state();
  if (state == nullptr || state->under_way.empty() || !state->under_way.front().recorded)
    return;
  const Statement &statement = state->under_way.front();
  if (carried.context == nullptr)
    carried.context = AllocSetContextCreate(TopMemoryContext, "schema_guard carried statement", ALLOCSET_SMALL_SIZES);
  forget_carried();
  carried.record = copy_record(carried.context, statement.record);
  carried.tree = statement.tree;
  carried.there = true;
}

const AuditRecord *carried_record(const Node *tree) {
  return carried.there && (tree == nullptr || tree == carried.tree) ? &carried.record : nullptr;
}

void forget_carried() {
  carried.there = false;
  if (carried.context != nullptr)
    MemoryContextReset(carried.context);
}

} // namespace schema_guard
