// What the guard remembers within a transaction: the statements under way, those done, and what is to be told at the
// end.
//
// Promise: follows savepoints and goes with the transaction. Nothing here decides anything.
#pragma once

#include "audit/record.hpp"
#include "core/alteration.hpp"
#include "core/verdict.hpp"
#include "pg/memory.hpp"

namespace schema_guard {

// Of the objects that a statement creates or alters; more than anyone reads are not kept.
constexpr std::size_t most_changed = 1000;

// A statement that the guard let start. It becomes an audit row when it is done, and part of a failure's row if the
// transaction, or the savepoint, fails.
struct Statement {
  const Node *tree; // only compared, never read
  AuditRecord record;
  bool recorded;             // false if the policy wants no row
  bool written = false;      // its row is there already
  bool spares_guard = false; // it changes something by name, and nothing of the guard's own as far as it was judged
  int level;                 // of transaction nesting
  MemoryContext context;
  Vector<Address> *changed;           // what it has created or altered so far, as ring 2 saw it
  Vector<ObjectDescription> *dropped; // what it has dropped so far, if ring 1 did not know
  Effects *effects;                   // of a drop, as ring 1 judged them; null for anything else
  Vector<Action> *actions;            // one for each
  Effects *unless_refused;            // what it would do that PostgreSQL should refuse; null if that is nothing
  Vector<Target> *conversions;        // its ALTER COLUMN … TYPE; null if none
  Vector<ConvertedColumn> *converted; // what these have been judged for
  Vector<Address> *expected_to_fail;  // what a TRUNCATE that PostgreSQL should refuse has come to; else null
};

// What a failed transaction's row tells of each statement that it had begun.
struct BegunStatement {
  const char *tag;
  const char *statement;
  int level;
  bool failed;
};

struct RehearsedEffect {
  Effect effect;
  Action action;
  int level;
};

struct TransactionState {
  explicit TransactionState(MemoryContext context)
      : arena(context), under_way(arena), begun(arena), cleared(arena), rehearsed(arena), unwritten(arena) {}

  struct Cleared {
    int level;
    int depth; // of the statement that it was cleared for
  };

  ContextArena arena;
  Vector<Statement> under_way;
  Vector<BegunStatement> begun; // the first ones; more are only counted
  int64 begun_count = 0;
  AuditRecord first = {}; // the statement begun first: who and when for the failure's row
  struct Act {
    Deed deed;
    Address object;
    auto operator<=>(const Act &) const = default;
  };

  Map<Act, Cleared> cleared;
  Vector<RehearsedEffect> rehearsed;
  Oid rows_cleared_of = InvalidOid; // a table of the guard's that the present command may write to
  CommandId rows_cleared_in = InvalidCommandId;
  const char *rehearsed_statement = nullptr; // the first
  const char *rehearsed_tag = nullptr;
  bool cannot_be_undone = false;  // something has been done that outlives a rollback
  bool settled = false;           // the commit has begun, and the rehearsal's end with it
  Vector<const char *> unwritten; // records, as JSON, that the audit table could not take
};

// The current transaction's state; null if no statement has been seen in it.
TransactionState *transaction_state();

// Begins a statement that was let pass; copies what the record points to.
void begin_statement(const Node *tree, const AuditRecord &record, bool recorded);
// Keeps the effects of the statement just begun: should ring 2 see more, a request must have all of them.
void keep_effects(const Effects &effects, const Verdict &verdict);
// The innermost statement under way, if it has this tree; else null. Valid until the next call here.
Statement *statement_under_way(const Node *tree);
// The innermost one, whatever its tree; null if there is none.
Statement *innermost_statement();
void finish_statement();

// Notes what the innermost statement has created or altered.
void note_changed(const Address &object);
// Notes what it is about to drop; for statements of whose effects ring 1 knows nothing, such as DROP USER MAPPING.
bool wants_dropped();
void note_dropped(const ObjectDescription &object);
// The innermost statement was denied after all: the denial's row tells of it.
void forget_begun_statement();
// The whole transaction is told of by one row, its rehearsal's.
void forget_begun_statements();

// The conversions that the innermost statement has, and the columns that they have been judged for.
void keep_conversions(const Command &command, const Vector<ConvertedColumn> &judged);

// Keeps what the innermost statement does if PostgreSQL should not refuse it after all.
void keep_unless_refused(const Effects &effects);

// The innermost statement is a TRUNCATE that PostgreSQL should refuse, after ring 2 has seen it.
void expect_failure();

// An effect that the path has let pass, so that ring 2 need not judge it again.
void clear_effect(Deed deed, const Address &object);
// True for a column, too, whose table is going to go.
bool take_cleared_drop(const Address &object);
// A table may be come to more than once in one TRUNCATE.
bool is_cleared_truncation(const Address &object);
// One command can fire several statement triggers on one table, as INSERT … ON CONFLICT DO UPDATE does.
void clear_rows(Oid table);
bool rows_are_cleared(Oid table);

// True if something that was cleared for the innermost statement has not been seen to go.
bool cleared_effects_left();

// Keeps a rehearsed statement's effects for the one request at the end.
void keep_rehearsed(const Effects &effects, const Verdict &verdict, const AuditRecord &record);

// Keeps a record that the table could not take; it is written to the journal after the commit. Returns its length.
size_t keep_unwritten(const AuditRecord &record);

// To be called as the events happen.
void statements_subtransaction_ended(int level, bool committed);
void statements_transaction_ended();

} // namespace schema_guard
