#include "audit/journal.hpp"

#include "audit/journal_file.hpp"
#include "pg/extension.hpp"

extern "C" {
#include "access/xlog.h"
#include "storage/fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
}

#include <utility>

namespace schema_guard {

namespace {

constexpr int64 rotation_length = 1024 * 1024;
constexpr int64 chunk_length = 160 * 1024 * 1024;
static_assert(chunk_length > longest_entry + static_cast<int64>(sizeof(EntryHeader)), "any entry fits in a chunk");

bool written_here = false;

void report(const JournalFile &file, int elevel) {
  errno = file.error;
  ereport(elevel, errcode_for_file_access(),
          errmsg("could not %s the schema_guard journal \"%s\": %m", file.failed, journal_path()));
}

bool same_journal(const pg_uuid_t &left, const pg_uuid_t &right) { return memcmp(&left, &right, sizeof(left)) == 0; }

// Header and payload in one call; a short write is cut off again, so that no torn entry stands before later ones.
void write_entry(JournalFile &file, EntryHeader &header, const char *payload) {
  header.checksum = entry_checksum(header, payload);
  const iovec parts[] = {{&header, sizeof(header)}, {const_cast<char *>(payload), header.length}};
  const ssize_t length = static_cast<ssize_t>(sizeof(header)) + header.length;
  errno = ENOSPC;
  if (pwritev(file.descriptor, parts, 2, file.length) != length) {
    const int code = errno;
    if (ftruncate(file.descriptor, file.length) != 0)
      file.fail("write to and then truncate", code);
    return file.fail("write to", code);
  }
  file.length += length;
}

} // namespace

// The space is taken and given back, so that quotas and limits count as well; what is kept here is written after the
// commit.
const char *journal_problem(size_t length) {
  if (RecoveryInProgress())
    return nullptr;
  JournalFile file = open_journal(true);
  if (file.ok() && length > 0) {
    const int code = posix_fallocate(file.descriptor, file.length, static_cast<off_t>(length + sizeof(EntryHeader)));
    if (ftruncate(file.descriptor, file.length) != 0)
      file.fail("truncate", errno);
    if (code != 0)
      file.fail("write to", code);
  }
  close_journal(file);
  if (file.ok())
    return nullptr;
  return psprintf("could not %s the schema_guard journal \"%s\": %s", file.failed, journal_path(),
                  strerror(file.error));
}

bool journal_written_here() { return std::exchange(written_here, false); }

bool journal_append(const char *payload, size_t length, JournalPosition *end, int elevel) {
  if (length > longest_entry) {
    ereport(elevel, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("schema_guard journal entry is too long"));
    return false;
  }
  // An installation that may yet be rolled back has no journal of its own, and no business with its predecessor's.
  if (!OidIsValid(last_known_extension())) {
    ereport(elevel, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("schema_guard keeps no journal before the transaction that installs it has committed"));
    return false;
  }
  EntryHeader header{.magic = entry_magic,
                     .version = journal_version,
                     .reserved = 0,
                     .length = static_cast<uint32>(length),
                     .checksum = 0};
  JournalFile file = open_journal(true);
  if (file.ok())
    write_entry(file, header, payload);
  if (file.ok() && pg_fdatasync(file.descriptor) != 0)
    file.fail("flush", errno);
  close_journal(file);
  if (!file.ok()) {
    report(file, elevel);
    return false;
  }
  written_here = true;
  if (end != nullptr)
    *end = {file.header.journal, file.length};
  return true;
}

int64 journal_length() {
  struct stat status {};
  return stat(journal_path(), &status) == 0 ? status.st_size : 0;
}

bool journal_rotate(JournalPosition &absorbed) {
  if (journal_length() < rotation_length)
    return false;
  JournalFile file = open_journal(true);
  const bool rotating =
      file.ok() && same_journal(file.header.journal, absorbed.journal) && file.length == absorbed.offset;
  if (rotating)
    begin_journal(file);
  close_journal(file);
  if (!file.ok()) {
    report(file, LOG);
    return false;
  }
  if (rotating)
    absorbed = {file.header.journal, file.length};
  return rotating;
}

namespace {

// Walks one buffer, which begins `base` bytes into the file.
class Reader {
public:
  Reader(const char *buffer, int64 length, int64 base) : buffer_(buffer), length_(length), base_(base) {}

  int64 place() const { return base_ + here_; }
  bool at_end() const { return here_ >= length_; }

  // True with `header` and `payload` set if a whole, sound entry stands here.
  bool entry(EntryHeader &header, const char *&payload) const {
    if (length_ - here_ < static_cast<int64>(sizeof(header)))
      return false;
    memcpy(&header, buffer_ + here_, sizeof(header));
    payload = buffer_ + here_ + sizeof(header);
    return header.magic == entry_magic && header.version == journal_version && header.length <= longest_entry &&
           length_ - here_ - static_cast<int64>(sizeof(header)) >= static_cast<int64>(header.length) &&
           header.checksum == entry_checksum(header, payload);
  }

  void pass(int64 bytes) { here_ += bytes; }

  // To the next place where an entry's mark stands, or to the end.
  void skip_to_mark() {
    for (++here_; here_ < length_; ++here_) {
      uint32 magic = 0;
      if (length_ - here_ < static_cast<int64>(sizeof(magic))) {
        here_ = length_;
        return;
      }
      memcpy(&magic, buffer_ + here_, sizeof(magic));
      if (magic == entry_magic)
        return;
    }
  }

private:
  const char *buffer_;
  int64 length_;
  int64 base_;
  int64 here_ = 0;
};

void read_entries(Reader &reader, bool whole_rest, int most, int64 reported, JournalChunk &chunk) {
  while (!reader.at_end() && chunk.count < most) {
    EntryHeader header;
    const char *payload = nullptr;
    if (reader.entry(header, payload)) {
      chunk.entries[chunk.count++] = {pnstrdup(payload, header.length), header.length, reader.place()};
      reader.pass(static_cast<int64>(sizeof(header)) + header.length);
      chunk.end.offset = reader.place();
      continue;
    }
    // An entry that the buffer cuts off is read with the next chunk, unless the file itself ends there.
    if (!whole_rest && chunk.count > 0)
      return;
    const int64 damaged_at = reader.place();
    reader.skip_to_mark();
    if (damaged_at >= reported) {
      if (chunk.damaged_at < 0)
        chunk.damaged_at = damaged_at;
      chunk.damaged_bytes += reader.place() - damaged_at;
    }
    chunk.end.offset = reader.place();
  }
  chunk.at_end = whole_rest && reader.at_end();
}

} // namespace

namespace {

constexpr int64 start_of_entries = sizeof(JournalHeader);

// Reads the file from the chunk's beginning on, a chunk's length at most. The file is open, so nothing may be raised:
// this way of palloc returns null instead.
int64 read_bytes(JournalFile &file, char *&buffer, JournalChunk &chunk) {
  const int64 wanted = Min(file.length - chunk.begin.offset, chunk_length);
  if (wanted <= 0)
    return 0;
  buffer = static_cast<char *>(palloc_extended(wanted, MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM));
  if (buffer == nullptr) {
    file.fail("read", ENOMEM);
    return 0;
  }
  const int64 length = pread(file.descriptor, buffer, wanted, chunk.begin.offset);
  if (length < 0)
    file.fail("read", errno);
  return Max(length, int64{0});
}

bool begins_soundly(const char *buffer, int64 length) {
  EntryHeader header;
  const char *payload = nullptr;
  return length == 0 || Reader(buffer, length, 0).entry(header, payload);
}

void report_damage(const JournalChunk &chunk) {
  if (chunk.damaged_bytes > 0)
    ereport(WARNING, errcode(ERRCODE_DATA_CORRUPTED), errmsg("schema_guard journal \"%s\" is damaged", journal_path()),
            errdetail(INT64_FORMAT " bytes from byte " INT64_FORMAT " on hold no entry and were passed over.",
                      chunk.damaged_bytes, chunk.damaged_at));
}

} // namespace

JournalChunk journal_read(const JournalPosition &from, int most) {
  JournalChunk chunk{.begin = from,
                     .reread = false,
                     .end = from,
                     .at_end = true,
                     .file_length = journal_length(),
                     .damaged_bytes = 0,
                     .damaged_at = -1,
                     .count = 0,
                     .entries = nullptr};
  if (chunk.file_length == 0)
    return chunk;

  chunk.entries = static_cast<JournalEntry *>(palloc(sizeof(JournalEntry) * most));

  // Holding the lock, the reader knows that no writer is in the middle of an entry: what is torn is torn for good.
  JournalFile file = open_journal(false);
  char *buffer = nullptr;
  int64 length = 0;
  if (file.ok()) {
    const bool known = same_journal(from.journal, file.header.journal) && from.offset >= start_of_entries;
    if (known && from.offset <= file.length)
      length = read_bytes(file, buffer, chunk);
    // Another file, or one that has lost what was absorbed: from its start, and what is in the audit already is left
    // out.
    if (!known || from.offset > file.length || !begins_soundly(buffer, length)) {
      chunk.begin = {file.header.journal, start_of_entries};
      chunk.reread = from.offset > 0;
      length = read_bytes(file, buffer, chunk);
    }
  }
  close_journal(file);
  if (!file.ok()) {
    if (file.error != ENOENT)
      report(file, ERROR);
    return chunk;
  }

  chunk.end = chunk.begin;
  chunk.file_length = file.length;
  if (file.header_damaged && chunk.begin.offset == start_of_entries) {
    chunk.damaged_at = 0;
    chunk.damaged_bytes = Min(file.length, start_of_entries);
  }
  Reader reader(buffer, length, chunk.begin.offset);
  // What lies before a place in the same file has been reported by whoever came to it.
  const int64 reported = same_journal(from.journal, file.header.journal) ? from.offset : 0;
  read_entries(reader, chunk.begin.offset + length >= file.length, most, reported, chunk);
  report_damage(chunk);
  return chunk;
}

} // namespace schema_guard
