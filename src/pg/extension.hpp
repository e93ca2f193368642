// Where schema_guard's own objects are in this database, and whether the guard is at work at all.
#pragma once

#include "pg/pg.hpp"

#include <initializer_list>

namespace schema_guard {

struct GuardObjects {
  // The first of its tables or sequences that is not there under its name, or not the extension's; null if all are.
  // Nothing can then be approved or recorded.
  const char *missing;
  Oid extension;
  Oid owner; // internal queries run as this role
  Oid schema;
  Oid audit;
  Oid audit_sequence;
  Oid policy;
  Oid journal_position;
  Oid request;
  Oid request_sequence;
  Oid approval;
  Oid approval_effect;
  Oid approver;
  Oid command_start_function; // of the event triggers
  Oid command_end_function;
};

// Null if the extension is not installed in this database. Costs next to nothing once known, whichever it is.
const GuardObjects *guard_objects();

// The same, but null as well if anything is missing: for whoever reads its tables or writes to them.
const GuardObjects *whole_guard();

// Locks guard tables for reading, until the transaction ends, only if that can be had at once. False if somebody holds
// one of them exclusively: a VACUUM FULL, say. Nobody's statement waits for that.
bool try_lock_for_reading(std::initializer_list<Oid> tables);

// The extension's OID as this session last saw it, without a look-up: for the end of a failed transaction, which
// can make none. Invalid if it has not been seen, or if the transaction under way has only just made it.
Oid last_known_extension();

// At a transaction's end: what it has made is there for good now, or never was.
void recheck_guard_objects();

// The one predicate that lists every state in which the guard does nothing. The first line of every sensor: resting, or
// the extension is not installed here, being created or being updated.
bool inert();

// The states among these that have nothing to do with this database: binary upgrade, single-user mode, recovery, no
// live transaction, parallel worker, mode off, or the guard itself at work.
bool resting();

// True while the guard writes to its own tables; see pg/query.hpp. An abort ends it.
bool guard_at_work();
void set_guard_at_work(bool at_work);
void guard_work_aborted(int level);

// Registers the invalidation callback. Called once, from _PG_init.
void watch_guard_objects();

} // namespace schema_guard
