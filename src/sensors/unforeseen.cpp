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

namespace {

bool is_guards_own(const Address &object, Catalog &catalog) {
  const Address whole = object.sub_id != 0 ? object.whole() : catalog.whole_of(object);
  const ObjectFacts facts = catalog.facts(whole.valid() ? whole : object);
  return facts.guards_itself && !facts.created_here;
}

} // namespace

void judge_unforeseen_tampering(const Statement &statement) {
  if (!statement.spares_guard)
    return;
  ContextArena arena;
  LiveCatalog catalog(arena);
  Effects found(arena);
  Map<Address, bool> seen(arena);
  for (const Address &object : *statement.changed) {
    if (!is_guards_own(object, catalog) || !seen.emplace(object, true).second)
      continue;
    Effect effect{.rule = RuleId::guard_tampering, .kind = catalog.facts(object).kind, .address = object};
    effect.description = catalog.describe(object, effect.kind);
    found.list.push_back(effect);
  }
  catalog.close();
  if (found.list.empty())
    return;
  const Sighting sighting{.sensor = sensor::object_access,
                          .command_tag = statement.record.command_tag,
                          .statement = statement.record.statement,
                          .seen_at = GetCurrentTimestamp(),
                          .begun = &statement};
  guard_and_record(found, sighting, true, arena);
}

} // namespace schema_guard
