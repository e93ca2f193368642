// The journal's layout on disk. Integers are in the machine's byte order, as in PostgreSQL's own data files.
#pragma once

#include "pg/pg.hpp"

extern "C" {
#include "port/pg_crc32c.h"
#include "utils/uuid.h"
}

namespace schema_guard {

constexpr uint32 journal_magic = 0x53474a4c; // "SGJL"
constexpr uint32 entry_magic = 0x53474a45;   // "SGJE"
constexpr uint16 journal_version = 1;
constexpr uint32 longest_entry = 128 * 1024 * 1024;

struct JournalHeader {
  uint32 magic;
  uint16 version;
  uint16 reserved;
  pg_uuid_t journal;
  uint32 timeline;    // a copy that came with a base backup is from another one
  Oid installation;   // the extension's OID: another CREATE EXTENSION starts its own journal
  pg_crc32c checksum; // of all that stands before it
};

struct EntryHeader {
  uint32 magic;
  uint16 version;
  uint16 reserved;
  uint32 length;      // of the payload, which follows
  pg_crc32c checksum; // of version, reserved, length and payload
};

static_assert(sizeof(JournalHeader) == 36 && sizeof(EntryHeader) == 16, "the layout has no holes");

inline pg_crc32c header_checksum(const JournalHeader &header) {
  pg_crc32c checksum;
  INIT_CRC32C(checksum);
  COMP_CRC32C(checksum, &header, offsetof(JournalHeader, checksum));
  FIN_CRC32C(checksum);
  return checksum;
}

inline pg_crc32c entry_checksum(const EntryHeader &header, const char *payload) {
  pg_crc32c checksum;
  INIT_CRC32C(checksum);
  COMP_CRC32C(checksum, &header.version, offsetof(EntryHeader, checksum) - offsetof(EntryHeader, version));
  COMP_CRC32C(checksum, payload, header.length);
  FIN_CRC32C(checksum);
  return checksum;
}

inline bool header_valid(const JournalHeader &header) {
  return header.magic == journal_magic && header.version == journal_version &&
         header.checksum == header_checksum(header);
}

} // namespace schema_guard
