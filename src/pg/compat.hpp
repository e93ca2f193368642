// Every difference between PostgreSQL's major versions that this extension meets, and nothing else.
#pragma once

#include "pg/pg.hpp"

extern "C" {
#include "access/parallel.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_tablespace_d.h"
#include "commands/event_trigger.h"
#include "common/relpath.h"
#include "pgstat.h"
#include "utils/acl.h"
#include "utils/guc.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h" // was part of postgres.h until then (commit d952373a987b)
#endif
}

// PostgreSQL 18 names a library and its version in pg_get_loaded_modules() (commit 9324c8c58065).
#if PG_VERSION_NUM >= 180000
#define SCHEMA_GUARD_MODULE_MAGIC PG_MODULE_MAGIC_EXT(.name = "schema_guard", .version = "1.0")
#else
#define SCHEMA_GUARD_MODULE_MAGIC PG_MODULE_MAGIC
#endif

namespace schema_guard::compat {

// PostgreSQL 16 replaced the functions per catalog by one (commit afbfc02983f8). For relations, schemas,
// functions and databases.
inline bool owns(Oid catalog, Oid object, Oid role) {
#if PG_VERSION_NUM >= 160000
  return object_ownercheck(catalog, object, role);
#else
  switch (catalog) {
  case RelationRelationId:
    return pg_class_ownercheck(object, role);
  case NamespaceRelationId:
    return pg_namespace_ownercheck(object, role);
  case ProcedureRelationId:
    return pg_proc_ownercheck(object, role);
  default:
    Assert(catalog == DatabaseRelationId);
    return pg_database_ownercheck(object, role);
  }
#endif
}

// PostgreSQL 16 no longer makes a view of an empty table that gets a rule on SELECT (commit b23cd185fd54).
inline bool tables_become_views() { return PG_VERSION_NUM < 160000; }

inline bool has_schema_privilege(Oid schema, Oid role, AclMode privilege) {
#if PG_VERSION_NUM >= 160000
  return object_aclcheck(NamespaceRelationId, schema, role, privilege) == ACLCHECK_OK;
#else
  return pg_namespace_aclcheck(schema, role, privilege) == ACLCHECK_OK;
#endif
}

// What a role that is no superuser needs to alter another one. CREATEROLE was enough for all but superusers before
// PostgreSQL 16 (commit cf5eb37c5ee0).
inline bool may_alter_as_createrole(Oid role, Oid other) {
#if PG_VERSION_NUM >= 160000
  return has_createrole_privilege(role) && is_admin_of_role(role, other);
#else
  return has_createrole_privilege(role);
#endif
}

// What a check hook leaves for its assign hook. PostgreSQL 16 took such memory from a context (commit 3057465acfbe).
inline void *setting_memory(size_t size) {
#if PG_VERSION_NUM >= 160000
  return guc_malloc(LOG, size);
#else
  return malloc(size);
#endif
}

// PostgreSQL 17 can switch all event triggers off (commit 7750fefdb2b1).
inline bool event_triggers_enabled() {
#if PG_VERSION_NUM >= 170000
  return event_triggers;
#else
  return true;
#endif
}

// PostgreSQL 17 can forbid ALTER SYSTEM (commit d3ae2a24f265).
inline bool alter_system_allowed() {
#if PG_VERSION_NUM >= 170000
  return AllowAlterSystem;
#else
  return true;
#endif
}

// PostgreSQL 16 renamed the statistics' fields (commit 8018ffbf5895).
inline int64 live_rows(const PgStat_StatTabEntry *entry) {
#if PG_VERSION_NUM >= 160000
  return entry->live_tuples;
#else
  return entry->n_live_tuples;
#endif
}

// The file of a permanent relation's main fork, relative to the data directory. PostgreSQL 16 renamed the file node
// (commit b0a55e43299c), and 18 returns the path in a struct (commit 37c87e63f9e1).
inline void main_fork_path(const FormData_pg_class *relation, char *path, size_t size) {
  const Oid tablespace = OidIsValid(relation->reltablespace) ? relation->reltablespace : MyDatabaseTableSpace;
  const Oid database = tablespace == GLOBALTABLESPACE_OID ? InvalidOid : MyDatabaseId;
#if PG_VERSION_NUM >= 180000
  const RelPathStr text =
      GetRelationPath(database, tablespace, relation->relfilenode, INVALID_PROC_NUMBER, MAIN_FORKNUM);
  strlcpy(path, text.str, size);
#elif PG_VERSION_NUM >= 170000
  char *text = GetRelationPath(database, tablespace, relation->relfilenode, INVALID_PROC_NUMBER, MAIN_FORKNUM);
  strlcpy(path, text, size);
  pfree(text);
#else
  char *text = GetRelationPath(database, tablespace, relation->relfilenode, InvalidBackendId, MAIN_FORKNUM);
  strlcpy(path, text, size);
  pfree(text);
#endif
}

} // namespace schema_guard::compat
