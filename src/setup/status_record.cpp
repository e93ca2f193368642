// What keeps the record.
#include "audit/absorber.hpp"
#include "audit/absorber_worker.hpp"
#include "audit/audit_table.hpp"
#include "audit/journal.hpp"
#include "pg/extension.hpp"
#include "setup/status.hpp"

extern "C" {
#include "access/xlog.h"
}

namespace schema_guard {

namespace {

constexpr int protecting_triggers = 2; // for statements, and for rows that are replicated

Finding protected_rows(GuardQuery &query, Arena &) {
  query.execute(
      R"(
SELECT pg_catalog.string_agg(c.relname, ', ' ORDER BY c.relname) FROM pg_catalog.pg_class AS c
 WHERE c.relnamespace = $1 AND c.relkind = 'r'
   AND $3 > (SELECT pg_catalog.count(*) FROM pg_catalog.pg_trigger AS t JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
              WHERE t.tgrelid = c.oid AND t.tgenabled = 'A' AND p.proname = $2 AND p.pronamespace = $1))",
      {oid_argument(guard_objects()->schema), text_argument("protect_rows"), bigint_argument(protecting_triggers)});
  if (query.is_null(0, 1))
    return {.detail = "every table of the guard's has its triggers"};
  return {State::error, psprintf("triggers are missing or disabled: %s", query.text(0, 1, CurrentMemoryContext)),
          "SET schema_guard.mode = off; then ALTER TABLE ... ENABLE ALWAYS TRIGGER protect_rows, ENABLE ALWAYS TRIGGER "
          "skip_replicated_rows; for each."};
}

Finding audit_table(GuardQuery &, Arena &) {
  if (audit_table_fits())
    return {.detail = "has the columns that it should have"};
  return {State::error, "it is locked, or its columns have been changed: what happens stays in the journal",
          "Restore the table as the extension made it, then SELECT schema_guard.absorb_journal();"};
}

Finding worker(GuardQuery &, Arena &) {
  if (RecoveryInProgress())
    return {.detail = "not needed on a standby server"};
  if (start_absorber())
    return {.detail = "one could be had"};
  return {State::warning, "no slot is free: refused attempts reach the audit with the next statement that passes",
          "Raise max_worker_processes, and restart the server."};
}

Finding journal_file(GuardQuery &, Arena &) {
  if (const char *problem = journal_problem(BLCKSZ); problem != nullptr)
    return {State::error, problem, "Make the directory pg_schema_guard in the data directory writable for the server."};
  return {.detail = "can be written"};
}

Finding backlog(GuardQuery &, Arena &) {
  if (RecoveryInProgress())
    return {.detail = "a standby server refuses every change by itself"};
  JournalPosition position;
  if (!read_position(position))
    return {State::warning, "the position can't be read: somebody has locked its table", nullptr};
  if (journal_problem(0) != nullptr)
    return {State::error, "the journal can't be read", nullptr};
  const JournalChunk waiting = journal_read(position, 1);
  if (waiting.count == 0)
    return {.detail = "nothing waits"};
  return {State::warning,
          psprintf(INT64_FORMAT " bytes wait to be absorbed", waiting.file_length - waiting.entries[0].offset),
          "SELECT schema_guard.absorb_journal();"};
}

} // namespace

constexpr Condition record_list[] = {
    {"audit", "table", audit_table}, {"audit", "protection", protected_rows}, {"journal", "file", journal_file},
    {"journal", "worker", worker},   {"journal", "backlog", backlog},
};
const Condition *const record_conditions = record_list;
const std::size_t record_condition_count = std::size(record_list);

} // namespace schema_guard
