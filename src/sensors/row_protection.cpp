// The rows of the guard's own tables: written by the guard, and by nobody else.
#include "pg/extension.hpp"
#include "pg/live_catalog.hpp"
#include "pg/memory.hpp"
#include "sensors/guard.hpp"
#include "sensors/sensor.hpp"

extern "C" {
#include "commands/trigger.h"
#include "tcop/tcopprot.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(schema_guard_protect_rows);
}

namespace schema_guard {

namespace {

const char *command_of(TriggerEvent event) {
  if (TRIGGER_FIRED_BY_INSERT(event))
    return "INSERT";
  if (TRIGGER_FIRED_BY_UPDATE(event))
    return "UPDATE";
  return TRIGGER_FIRED_BY_DELETE(event) ? "DELETE" : "TRUNCATE TABLE";
}

void protect(const TriggerData &trigger) {
  ContextArena arena;
  LiveCatalog catalog(arena);
  Effects found(arena);
  Effect effect{.rule = RuleId::guard_tampering,
                .kind = ObjectKind::table,
                .address = {RelationRelationId, RelationGetRelid(trigger.tg_relation), 0}};
  effect.description = catalog.describe(effect.address, effect.kind);
  catalog.close();
  found.list.push_back(effect);
  const Sighting sighting{.sensor = sensor::row_protection,
                          .command_tag = command_of(trigger.tg_event),
                          .statement = nullptr,
                          .seen_at = GetCurrentTimestamp(),
                          .begun = nullptr};
  const Passed passed = guard(found, sighting, arena);
  write_record(passed.record);
}

} // namespace

} // namespace schema_guard

Datum schema_guard_protect_rows(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_TRIGGER(fcinfo))
    ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
            errmsg("schema_guard.protect_rows() can only be called as a trigger"));
  if (!schema_guard::inert())
    schema_guard::protect(*reinterpret_cast<const TriggerData *>(fcinfo->context));
  PG_RETURN_POINTER(nullptr);
}
