#include "audit/journal_file.hpp"

#include "pg/extension.hpp"

extern "C" {
#include "access/xlog.h"
#include "common/file_perm.h"
#include "storage/fd.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
}

#include <ctime>

namespace schema_guard {

namespace {

constexpr const char *directory = "pg_schema_guard";
constexpr int longest_wait = 500; // milliseconds, for the lock on the file

bool lock(int descriptor, int operation) {
  for (int waited = 0; flock(descriptor, operation | LOCK_NB) != 0; ++waited) {
    if ((errno != EWOULDBLOCK && errno != EINTR) || waited >= longest_wait)
      return false;
    pg_usleep(1000);
  }
  return true;
}

// A file that was begun anew after we opened it, but before we locked it, is not the journal any more.
bool is_current(int descriptor) {
  struct stat opened {};
  struct stat current {};
  return fstat(descriptor, &opened) == 0 && stat(journal_path(), &current) == 0 && opened.st_ino == current.st_ino &&
         opened.st_dev == current.st_dev;
}

void flush_directory(const char *path) {
  const int descriptor = open(path, O_RDONLY | PG_BINARY);
  if (descriptor < 0)
    return;
  (void)fsync(descriptor);
  (void)close(descriptor);
}

bool write_header(int descriptor, JournalHeader &header) {
  header = JournalHeader{.magic = journal_magic,
                         .version = journal_version,
                         .reserved = 0,
                         .journal = {},
                         .timeline = GetWALInsertionTimeLine(),
                         .installation = last_known_extension(),
                         .checksum = 0};
  if (!pg_strong_random(header.journal.data, UUID_LEN)) {
    errno = EIO;
    return false;
  }
  header.checksum = header_checksum(header);
  errno = ENOSPC; // a short write sets no errno
  return pwrite(descriptor, &header, sizeof(header), 0) == static_cast<ssize_t>(sizeof(header)) &&
         pg_fsync(descriptor) == 0;
}

// A journal that this server, in its present life, and this installation of the extension have begun.
bool is_ours(const JournalHeader &header) {
  return header.timeline == GetWALInsertionTimeLine() && header.installation == last_known_extension();
}

// Keeps somebody else's file for a person to look at, and begins the journal anew.
void set_aside(JournalFile &file) {
  char aside[MAXPGPATH];
  snprintf(aside, sizeof(aside), "%s.foreign." INT64_FORMAT, journal_path(), static_cast<int64>(time(nullptr)));
  if (rename(journal_path(), aside) != 0)
    return file.fail("set aside", errno);
  begin_journal(file);
}

void read_header(JournalFile &file, bool to_write) {
  struct stat status {};
  if (fstat(file.descriptor, &status) != 0)
    return file.fail("stat", errno);
  file.length = status.st_size;
  const bool sound =
      file.length >= static_cast<int64>(sizeof(file.header)) &&
      pread(file.descriptor, &file.header, sizeof(file.header), 0) == static_cast<ssize_t>(sizeof(file.header)) &&
      header_valid(file.header);
  if (sound && !is_ours(file.header)) {
    // What somebody else's journal holds is no business of ours: it reads as an empty one.
    if (to_write)
      set_aside(file);
    else
      file.fail("open", ENOENT);
    return;
  }
  if (sound)
    return;
  // Entries can be read whatever stands before them, so they stay where they are behind a new header. A reader leaves
  // the damage to the next writer; to it, this is a journal without a name.
  file.header_damaged = file.length > 0;
  file.header.journal = {};
  if (!to_write)
    return;
  if (!write_header(file.descriptor, file.header))
    return file.fail("write to", errno);
  flush_directory(directory);
  file.length = Max(file.length, static_cast<int64>(sizeof(file.header)));
}

} // namespace

void JournalFile::fail(const char *what, int code) {
  if (error != 0)
    return;
  error = code == 0 ? EIO : code;
  failed = what;
}

const char *journal_path() {
  static char path[MAXPGPATH];
  snprintf(path, sizeof(path), "%s/%u.journal", directory, MyDatabaseId);
  return path;
}

JournalFile open_journal(bool to_write) {
  JournalFile file;
  if (to_write && mkdir(directory, static_cast<mode_t>(pg_dir_create_mode)) == 0)
    flush_directory(".");
  else if (to_write && errno != EEXIST) {
    file.fail("create the directory of", errno);
    return file;
  }
  // The file may be begun anew by another session between the open and the lock, so look again, a few times.
  for (int attempt = 0; attempt < 10; ++attempt) {
    file.descriptor = open(journal_path(), (to_write ? O_RDWR | O_CREAT : O_RDONLY) | PG_BINARY,
                           static_cast<mode_t>(pg_file_create_mode));
    if (file.descriptor < 0) {
      file.fail("open", errno);
      return file;
    }
    if (!lock(file.descriptor, to_write ? LOCK_EX : LOCK_SH)) {
      file.fail("lock", errno);
      break;
    }
    if (is_current(file.descriptor)) {
      read_header(file, to_write);
      return file;
    }
    close_journal(file);
  }
  file.fail("open", EAGAIN);
  return file;
}

void close_journal(JournalFile &file) {
  if (file.descriptor >= 0)
    (void)close(file.descriptor);
  file.descriptor = -1;
}

void begin_journal(JournalFile &file) {
  char next[MAXPGPATH];
  snprintf(next, sizeof(next), "%s.new", journal_path());
  const int descriptor = open(next, O_RDWR | O_CREAT | O_TRUNC | PG_BINARY, static_cast<mode_t>(pg_file_create_mode));
  if (descriptor < 0)
    return file.fail("create", errno);
  // Locked before it has its name, so that nobody comes in between.
  if (!lock(descriptor, LOCK_EX) || !write_header(descriptor, file.header) || rename(next, journal_path()) != 0) {
    const int code = errno;
    (void)close(descriptor);
    return file.fail("create", code);
  }
  flush_directory(directory);
  close_journal(file);
  file.descriptor = descriptor;
  file.length = sizeof(file.header);
}

} // namespace schema_guard
