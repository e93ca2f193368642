// The journal's file descriptor: opened, locked and identified.
//
// Promise: raises nothing, and between open and close calls nothing that could, so that the descriptor is never lost.
// Errors come back as errno with the name of what failed.
#pragma once

#include "audit/journal_format.hpp"

namespace schema_guard {

struct JournalFile {
  int descriptor = -1;
  int error = 0;                // errno of the first failure
  const char *failed = nullptr; // what failed: "open", "lock", …
  JournalHeader header{};
  bool header_damaged = false;
  int64 length = 0;

  bool ok() const { return error == 0; }
  void fail(const char *what, int code);
};

const char *journal_path();

// Opens and locks the journal, exclusively to write or shared to read, waiting at most half a second for others.
// To write, a missing file is begun; to read, a missing file is ENOENT.
JournalFile open_journal(bool to_write);
void close_journal(JournalFile &file);

// Begins a new journal in place of the open one. The old file is gone when this returns.
void begin_journal(JournalFile &file);

} // namespace schema_guard
