// The journal: a file under the data directory, one for each database, for what must survive a transaction's failure.
//
// Promise: append() returns after the entry is on disk. Every entry carries a version, a length and a CRC-32C; a torn
// or damaged stretch is recognised and passed over, and what follows it is found again. Waits at most half a
// second for another writer. Nothing is held when an error is raised.
#pragma once

#include "pg/pg.hpp"

extern "C" {
#include "utils/uuid.h"
}

namespace schema_guard {

// A place in a journal. The identifier changes when the file is begun anew.
struct JournalPosition {
  pg_uuid_t journal;
  int64 offset;
};

// Appends one entry and flushes it. On failure reports at `elevel` (a WARNING or LOG from an abort callback, where an
// error must not be raised) and returns false. `end` receives the place behind the entry; it may be null.
bool journal_append(const char *payload, size_t length, JournalPosition *end, int elevel);

// Why an entry of this length could not be appended now; null if nothing stands in the way.
const char *journal_problem(size_t length);

// True once after this session has appended something.
bool journal_written_here();

// The length of the file and nothing else: cheap enough for every transaction. 0 if there is none.
int64 journal_length();

struct JournalEntry {
  const char *payload; // null-terminated
  size_t length;
  int64 offset;
};

struct JournalChunk {
  JournalPosition begin; // what was asked for, or the start if nothing sound can be read from there
  bool reread;           // entries may be among these that have been absorbed already
  JournalPosition end;   // behind the last entry, and behind what is damaged
  bool at_end;           // nothing is left behind `end`
  int64 file_length;     // when it was read
  int64 damaged_bytes;
  int64 damaged_at; // the first damaged byte; -1 if none
  int count;
  JournalEntry *entries;
};

// Reads up to `most` entries from a place on, into the current memory context. Raises an ERROR if the file is there
// and cannot be read. Damage is reported to the server log, at a WARNING.
JournalChunk journal_read(const JournalPosition &from, int most);

// Begins the file anew if it holds nothing behind `absorbed` and is larger than a megabyte.
// Sets `absorbed` to the start of the new file then, and returns true.
bool journal_rotate(JournalPosition &absorbed);

} // namespace schema_guard
