#include "sensors/unforeseen.hpp"

#include "pg/live_catalog.hpp"
#include "pg/memory.hpp"
#include "sensors/guard.hpp"
#include "sensors/sensor.hpp"
#include "sensors/statement.hpp"

extern "C" {
#include "catalog/pg_database.h"
}

namespace schema_guard {

void judge_unforeseen(const Address &object, Deed deed, const char *tag) {
  ContextArena arena;
  LiveCatalog catalog(arena);
  Effects found(arena);
  Effect effect;
  const bool matters = effect_on(object, deed, catalog, effect);
  catalog.close();
  if (!matters)
    return;
  const Statement *statement = innermost_statement();
  // What the statement names would have been foreseen.
  effect.cascaded = statement != nullptr && deed != Deed::convert;
  found.list.push_back(effect);
  if (statement != nullptr)
    tag = statement->record.command_tag;
  const char *text = statement == nullptr ? nullptr : statement->record.statement;
  const Sighting sighting{.sensor = sensor::object_access,
                          .command_tag = tag,
                          .statement = text,
                          .seen_at = GetCurrentTimestamp(),
                          .begun = statement,
                          .can_be_undone = object.class_id != DatabaseRelationId};
  guard_and_record(found, sighting, true, arena);
}

} // namespace schema_guard
