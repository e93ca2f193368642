#include "sensors/elsewhere.hpp"

#include "audit/record.hpp"
#include "pg/live_catalog.hpp"
#include "pg/memory.hpp"
#include "pg/parse.hpp"
#include "pg/range.hpp"
#include "pg/relation_lookup.hpp"
#include "pg/stored_setting.hpp"
#include "sensors/sensor.hpp"
#include "sensors/statement_text.hpp"
#include "sensors/without_tables.hpp"

extern "C" {
#include "catalog/pg_class.h"
}

namespace schema_guard {

namespace {

// COPY into one, or TRUNCATE of one. What these do to any other table is nobody's business here, and frequent.
bool names_cluster_catalog(const Target &target) {
  return (target.deed == Deed::write_rows || target.deed == Deed::truncate) &&
         is_cluster_catalog(relation_named(static_cast<const RangeVar *>(target.node)));
}

// What a session here can do to a database that the guard is in. The rest need not even be looked up.
bool reaches_elsewhere(const Command &command) {
  for (const Target &target : command.targets)
    if (target.object_type == OBJECT_DATABASE || target.object_type == stored_setting_object ||
        names_cluster_catalog(target))
      return true;
  return false;
}

bool takes_anything(const Effects &found) {
  for (const Effect &effect : found.list)
    if (effect.rule == RuleId::drop_database || effect.kind == ObjectKind::setting ||
        (effect.address.class_id == RelationRelationId && is_cluster_catalog(effect.address.object_id)))
      return true;
  return false;
}

void decide(const Effects &found, AuditRecord &record) {
  ContextArena arena;
  (void)judge_without_tables(
      found, record,
      {"Extension schema_guard is not installed in this database, so nobody can approve it here.",
       "Run it in a database that has the extension, or as a superuser with schema_guard.mode = off."},
      arena);
}

} // namespace

void judge_elsewhere(const Node *tree) {
  ContextArena arena;
  const Command command = parse_command(tree, arena);
  if (!reaches_elsewhere(command))
    return;
  LiveCatalog catalog(arena);
  const Effects found = effects(command, catalog, arena);
  catalog.close();
  if (!takes_anything(found))
    return;
  AuditRecord record = new_record();
  record.command_tag = c_string(command.tag);
  record.statement = statement_text(tree);
  record.sensor = sensor::utility;
  decide(found, record);
}

void judge_rows_elsewhere(const Effects &found, const char *command_tag, const char *text) {
  if (!takes_anything(found))
    return;
  AuditRecord record = new_record();
  record.command_tag = command_tag;
  record.statement = text;
  record.sensor = sensor::catalog_rows;
  decide(found, record);
}

} // namespace schema_guard
