// Ring 1: ddl_command_start and ddl_command_end. They need no preload, and the first of them runs before PostgreSQL
// looks up a name, takes a lock or checks a privilege.
#include "pg/compat.hpp"
#include "pg/extension.hpp"
#include "pg/settings.hpp"
#include "sensors/event_triggers.hpp"
#include "sensors/sensor.hpp"
#include "sensors/utility_command.hpp"

extern "C" {
#include "commands/event_trigger.h"
#include "commands/trigger.h"
#include "utils/evtcache.h"

PG_FUNCTION_INFO_V1(schema_guard_on_ddl_command_start);
PG_FUNCTION_INFO_V1(schema_guard_on_ddl_command_end);
}

namespace schema_guard {

namespace {

const EventTriggerData &event_data(FunctionCallInfo fcinfo) {
  if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
    ereport(ERROR, errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
            errmsg("schema_guard's event trigger functions can only be called by the event trigger manager"));
  return *reinterpret_cast<const EventTriggerData *>(fcinfo->context);
}

// Somebody may have bound our functions to other events; at login there is not even a statement.
bool is_event(const EventTriggerData &data, const char *event) { return strcmp(data.event, event) == 0; }

// filter_event_trigger (commands/event_trigger.c): ENABLE and ENABLE REPLICA follow session_replication_role.
bool fires(const EventTriggerCacheItem &item) {
  if (SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA)
    return item.enabled != TRIGGER_FIRES_ON_ORIGIN && item.enabled != TRIGGER_DISABLED && item.tagset == nullptr;
  return item.enabled != TRIGGER_FIRES_ON_REPLICA && item.enabled != TRIGGER_DISABLED && item.tagset == nullptr;
}

bool will_run(EventTriggerEvent event, Oid function) {
  const ListCell *cell = nullptr;
  foreach (cell, EventCacheLookup(event)) {
    const auto *item = static_cast<const EventTriggerCacheItem *>(lfirst(cell));
    if (item->fnoid == function && fires(*item))
      return true;
  }
  return false;
}

} // namespace

bool event_triggers_work() {
  const GuardObjects *objects = guard_objects();
  return objects != nullptr && is_at_work(Sensor::event_trigger) && compat::event_triggers_enabled() &&
         will_run(EVT_DDLCommandStart, objects->command_start_function) &&
         will_run(EVT_DDLCommandEnd, objects->command_end_function);
}

} // namespace schema_guard

Datum schema_guard_on_ddl_command_start(PG_FUNCTION_ARGS) {
  using namespace schema_guard;
  const EventTriggerData &event = event_data(fcinfo);
  if (is_event(event, "ddl_command_start") && is_at_work(Sensor::event_trigger) && !inert() &&
      !command_is_under_way(event.parsetree))
    command_started(event.parsetree, sensor::event_trigger);
  PG_RETURN_NULL();
}

Datum schema_guard_on_ddl_command_end(PG_FUNCTION_ARGS) {
  using namespace schema_guard;
  const EventTriggerData &event = event_data(fcinfo);
  if (!is_event(event, "ddl_command_end") || !is_at_work(Sensor::event_trigger))
    PG_RETURN_NULL();
  if (inert())
    command_abandoned(event.parsetree);
  else
    command_ended(event.parsetree, sensor::event_trigger);
  PG_RETURN_NULL();
}
