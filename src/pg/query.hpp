// SQL that the guard runs for itself: as the extension's owner, with pg_catalog as the only schema in the path, with
// the latest committed state in view whatever the transaction's isolation level.
//
// Promise: no object of a user's can shadow what the text says, and the row protection of the guard's tables knows
// these writes. On error everything is undone by the (sub)transaction's abort.
#pragma once

#include "core/memory.hpp"
#include "pg/pg.hpp"

#include <initializer_list>

struct _SPI_plan; // NOLINT(bugprone-reserved-identifier): executor/spi.h names it so

namespace schema_guard {

struct QueryArgument {
  Oid type;
  Datum value;
  bool null = false;
};

QueryArgument text_argument(std::string_view text);
QueryArgument null_text_argument();
QueryArgument bigint_argument(int64 value);
QueryArgument oid_argument(Oid value);

// A statement that is run again and again: its plan is kept for the session. Of static storage.
struct KeptStatement {
  const char *sql;
  struct _SPI_plan *plan = nullptr;
};

// One query's run: open, execute as often as needed, close. Not a C++ owner: an error in between needs no close().
class GuardQuery {
public:
  static GuardQuery open();
  void close();

  // Runs one statement. Returns the number of rows processed; the rows themselves can be read until the next call.
  uint64 execute(const char *sql, std::initializer_list<QueryArgument> arguments = {});
  uint64 execute(KeptStatement &statement, std::initializer_list<QueryArgument> arguments = {});

  uint64 rows() const;
  bool is_null(uint64 row, int column) const;
  Datum value(uint64 row, int column) const;
  int64 bigint(uint64 row, int column) const;
  // Copied into `context`; null for a null.
  char *text(uint64 row, int column, MemoryContext context) const;

private:
  Oid user_ = InvalidOid;
  int security_context_ = 0;
  int settings_level_ = 0;
  bool was_at_work_ = false;
};

} // namespace schema_guard
