#include "pg/extension.hpp"

#include "pg/compat.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_proc.h"
#include "commands/extension.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace schema_guard {

namespace {

constexpr const char *extension_name = "schema_guard";
constexpr const char *schema_name = "schema_guard";

GuardObjects known{};
bool known_valid = false;
bool known_absent = false;    // nor is there a schema of its name
bool known_committed = false; // not just made by the transaction under way
int at_work_level = 0;        // of transaction nesting; 0 if the guard is not at work

// The extension's own row: pg_extension has no syscache before PostgreSQL 18.
bool read_extension(GuardObjects &objects) {
  Relation catalog = table_open(ExtensionRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum(extension_name));
  SysScanDesc scan = systable_beginscan(catalog, ExtensionNameIndexId, true, nullptr, 1, &key);
  HeapTuple row = systable_getnext(scan);
  const bool found = HeapTupleIsValid(row);
  if (found) {
    auto *form = reinterpret_cast<Form_pg_extension>(GETSTRUCT(row));
    objects.extension = form->oid;
    objects.owner = form->extowner;
    known_committed = !TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(row->t_data));
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return found;
}

Oid event_trigger_function(const char *name, Oid schema) {
  const oidvector *no_arguments = buildoidvector(nullptr, 0);
  return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name), PointerGetDatum(no_arguments),
                         ObjectIdGetDatum(schema));
}

struct Member {
  const char *name;
  Oid GuardObjects::*place;
};
constexpr Member members[] = {
    {"audit", &GuardObjects::audit},
    {"audit_id_seq", &GuardObjects::audit_sequence},
    {"standing_policy", &GuardObjects::policy},
    {"journal_position", &GuardObjects::journal_position},
    {"request", &GuardObjects::request},
    {"request_id_seq", &GuardObjects::request_sequence},
    {"approval", &GuardObjects::approval},
    {"approval_effect", &GuardObjects::approval_effect},
    {"approver", &GuardObjects::approver},
};

// A schema of our name that the extension did not make is somebody else's.
bool is_member(Oid relation, Oid extension) {
  return OidIsValid(relation) && getExtensionOfObject(RelationRelationId, relation) == extension;
}

void read_objects(Oid schema, GuardObjects &objects) {
  objects.schema = schema;
  objects.command_start_function = event_trigger_function("on_ddl_command_start", schema);
  objects.command_end_function = event_trigger_function("on_ddl_command_end", schema);
  for (const Member &member : members) {
    const Oid relation = OidIsValid(schema) ? get_relname_relid(member.name, schema) : InvalidOid;
    objects.*member.place = relation;
    if (objects.missing == nullptr && !is_member(relation, objects.extension))
      objects.missing = member.name;
  }
}

void forget(Datum, Oid relation) {
  bool ours = relation == InvalidOid;
  for (const Member &member : members)
    ours |= relation == known.*member.place;
  if (ours)
    known_valid = false;
}

// CREATE EXTENSION makes the schema, or finds one that is there: then its absence has not been noted.
void forget_absence(Datum, int, uint32) {
  known_absent = false;
  known_valid = false;
}

} // namespace

const GuardObjects *guard_objects() {
  if (known_valid)
    return &known;
  if (known_absent)
    return nullptr;
  const Oid schema = get_namespace_oid(schema_name, true);
  GuardObjects objects{};
  if (!read_extension(objects)) {
    known_absent = !OidIsValid(schema);
    return nullptr;
  }
  read_objects(schema, objects);
  known = objects;
  known_valid = objects.missing == nullptr;
  return &known;
}

const GuardObjects *whole_guard() {
  const GuardObjects *objects = guard_objects();
  return objects == nullptr || objects->missing != nullptr ? nullptr : objects;
}

bool try_lock_for_reading(std::initializer_list<Oid> tables) {
  for (const Oid table : tables)
    if (!ConditionalLockRelationOid(table, AccessShareLock))
      return false;
  return true;
}

Oid last_known_extension() { return known_committed ? known.extension : InvalidOid; }

void recheck_guard_objects() {
  if (!known_committed)
    known_valid = false;
}

// Single-user mode is PostgreSQL's own way out of event triggers (EventTriggerDDLCommandStart in
// commands/event_trigger.c); there is also nobody else to approve anything.
bool resting() {
  return at_work_level > 0 || mode() == GuardMode::off || IsBinaryUpgrade || !IsUnderPostmaster ||
         !IsTransactionState() || IsParallelWorker() || InitializingParallelWorker || RecoveryInProgress();
}

bool inert() {
  if (resting())
    return true;
  const GuardObjects *objects = guard_objects();
  return objects == nullptr || (creating_extension && CurrentExtensionObject == objects->extension);
}

bool guard_at_work() { return at_work_level > 0; }

void set_guard_at_work(bool at_work) { at_work_level = at_work ? GetCurrentTransactionNestLevel() : 0; }

void guard_work_aborted(int level) {
  if (at_work_level >= level)
    at_work_level = 0;
}

void watch_guard_objects() {
  CacheRegisterRelcacheCallback(forget, Datum{0});
  CacheRegisterSyscacheCallback(NAMESPACEOID, forget_absence, Datum{0});
}

} // namespace schema_guard
