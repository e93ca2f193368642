#include "pg/setting_catalog.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "storage/fd.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/rel.h"
}

namespace schema_guard {

namespace {

// The value in name=value; null if that is another name. On the command line a dash stands for an underscore.
const char *value_in(const char *entry, const char *name) {
  for (; *name != '\0'; ++name, ++entry)
    if (pg_tolower(static_cast<unsigned char>(*entry == '-' ? '_' : *entry)) !=
        pg_tolower(static_cast<unsigned char>(*name)))
      return nullptr;
  return *entry == '=' ? entry + 1 : nullptr;
}

// A row of pg_db_role_setting has them as an array of name=value.
char *setting_in(HeapTuple tuple, TupleDesc description, const char *name) {
  bool null = true;
  const Datum entries = heap_getattr(tuple, Anum_pg_db_role_setting_setconfig, description, &null);
  if (null)
    return nullptr;
  Datum *texts = nullptr;
  int count = 0;
  deconstruct_array(DatumGetArrayTypeP(entries), TEXTOID, -1, false, TYPALIGN_INT, &texts, nullptr, &count);
  for (int place = 0; place < count; ++place)
    if (const char *value = value_in(TextDatumGetCString(texts[place]), name); value != nullptr)
      return pstrdup(value);
  return nullptr;
}

// CreateOptsFile (postmaster/postmaster.c): the program, and then each argument between double quotes. A session's own
// memory no longer has what a database, a role or the client has set instead.
List *server_arguments() {
  FILE *file = AllocateFile("postmaster.opts", "r");
  if (file == nullptr)
    return NIL;
  StringInfoData text;
  initStringInfo(&text);
  char part[1024];
  while (const size_t length = fread(part, 1, sizeof(part), file))
    appendBinaryStringInfo(&text, part, static_cast<int>(length));
  FreeFile(file);
  List *arguments = NIL;
  char *next = strstr(text.data, " \"");
  while (next != nullptr) {
    char *argument = next + 2;
    next = strstr(argument, "\" \"");
    char *end = next == nullptr ? strrchr(argument, '"') : next;
    if (end == nullptr)
      break;
    *end = '\0';
    arguments = lappend(arguments, argument);
    if (next != nullptr)
      ++next;
  }
  return arguments;
}

// The name=value that an argument of the server's is or announces; null if it is another one. Of the letters, only -c
// sets what it names; behind one that takes a value nothing more can come.
const char *assignment(const char *argument, const char *next) {
  if (argument[0] != '-')
    return nullptr;
  if (argument[1] == '-')
    return argument + 2;
  for (const char *letter = argument + 1; *letter != '\0'; ++letter) {
    if (*letter == 'c')
      return letter[1] == '\0' ? next : letter + 1;
    if (strchr("BCDNSWdfhkprt", *letter) != nullptr)
      return nullptr;
  }
  return nullptr;
}

const char *command_line_setting(const char *name) {
  const List *arguments = server_arguments();
  const char *result = nullptr;
  for (int place = 0; place < list_length(arguments); ++place) {
    const char *next =
        place + 1 < list_length(arguments) ? static_cast<char *>(list_nth(arguments, place + 1)) : nullptr;
    const char *entry = assignment(static_cast<char *>(list_nth(arguments, place)), next);
    if (const char *value = entry == nullptr ? nullptr : value_in(entry, name); value != nullptr)
      result = value;
  }
  return result;
}

// With what it includes. The last one counts; errors have no name.
const char *file_setting(const char *path, const char *name) {
  ConfigVariable *first = nullptr;
  ConfigVariable *last = nullptr;
  (void)ParseConfigFile(path, true, nullptr, 0, 0, DEBUG3, &first, &last);
  const char *result = nullptr;
  for (const ConfigVariable *each = first; each != nullptr; each = each->next)
    if (each->name != nullptr && pg_strcasecmp(each->name, name) == 0)
      result = pstrdup(each->value);
  FreeConfigVariables(first);
  return result;
}

} // namespace

char *stored_setting(Oid database, Oid role, const char *name) {
  Relation catalog = table_open(DbRoleSettingRelationId, AccessShareLock);
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], Anum_pg_db_role_setting_setdatabase, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(database));
  ScanKeyInit(&keys[1], Anum_pg_db_role_setting_setrole, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(role));
  SysScanDesc scan = systable_beginscan(catalog, DbRoleSettingDatidRolidIndexId, true, nullptr, 2, keys);
  HeapTuple tuple = systable_getnext(scan);
  char *result = HeapTupleIsValid(tuple) ? setting_in(tuple, RelationGetDescr(catalog), name) : nullptr;
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return result;
}

void settings_of_databases(const char *name, Vector<const char *> &found) {
  Relation catalog = table_open(DbRoleSettingRelationId, AccessShareLock);
  SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, nullptr, 0, nullptr);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple); tuple = systable_getnext(scan)) {
    const auto *row = reinterpret_cast<Form_pg_db_role_setting>(GETSTRUCT(tuple));
    if (!OidIsValid(row->setdatabase) || OidIsValid(row->setrole))
      continue;
    if (const char *value = setting_in(tuple, RelationGetDescr(catalog), name); value != nullptr)
      found.push_back(value);
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
}

const char *server_setting(const char *name, ServerSource source) {
  switch (source) {
  case ServerSource::command_line:
    return command_line_setting(name);
  case ServerSource::alter_system:
    return file_setting(PG_AUTOCONF_FILENAME, name);
  case ServerSource::files:
    return file_setting(ConfigFileName, name);
  }
  return nullptr;
}

const char *server_setting(const char *name) {
  for (const ServerSource source : {ServerSource::command_line, ServerSource::alter_system, ServerSource::files})
    if (const char *value = server_setting(name, source); value != nullptr)
      return value;
  return nullptr;
}

} // namespace schema_guard
