// Ring 1: ddl_command_start and ddl_command_end. They need no preload, and the first of them runs before PostgreSQL
// looks up a name, takes a lock or checks a privilege.
#include "pg/extension.hpp"
#include "pg/live_catalog.hpp"
#include "pg/memory.hpp"
#include "pg/parse.hpp"
#include "sensors/changed_objects.hpp"
#include "sensors/guard.hpp"
#include "sensors/sensor.hpp"
#include "sensors/statement.hpp"
#include "sensors/statement_text.hpp"
#include "sensors/temporary.hpp"

extern "C" {
#include "commands/event_trigger.h"
#include "tcop/cmdtag.h"
#include "utils/inval.h"

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

Effects effects_of(const Command &command, Arena &arena) {
  // Names are looked up without locks, so let the caches catch up with what others have committed.
  if (!command.targets.empty())
    AcceptInvalidationMessages();
  LiveCatalog catalog(arena);
  Effects result = effects(command, catalog, arena);
  catalog.close();
  return result;
}

void command_start(const EventTriggerData &event) {
  const TimestampTz seen_at = GetCurrentTimestamp();
  ContextArena arena;
  const Command command = parse_command(event.parsetree, arena);
  const Effects found = effects_of(command, arena);
  const Sighting sighting{.sensor = sensor::event_trigger,
                          .command_tag = GetCommandTagName(event.tag),
                          .statement = statement_text(event.parsetree),
                          .seen_at = seen_at,
                          .begun = nullptr};
  const Passed passed = guard(found, sighting, arena);
  if (innermost_statement() == nullptr)
    forget_carried();
  begin_statement(event.parsetree, passed.record, passed.recorded);
  if (command.verb == Verb::drop || command.verb == Verb::drop_owned)
    keep_effects(found, passed.verdict);
  for (const Effect &effect : found.list)
    if (effect.address.valid() && holds_rows(effect.kind))
      clear_effect(effect.address);
}

// The statement has committed on its way; or its start was not seen, as it is the one that created the extension, or
// that ended the guard's rest.
AuditRecord unannounced(const EventTriggerData &event) {
  if (const AuditRecord *carried = carried_record(event.parsetree); carried != nullptr)
    return *carried;
  AuditRecord record = new_record();
  record.verdict = "allowed";
  record.rule = "other_ddl";
  record.command_tag = GetCommandTagName(event.tag);
  record.statement = statement_text(event.parsetree);
  record.sensor = sensor::event_trigger;
  return record;
}

void command_end(const EventTriggerData &event) {
  Statement *statement = statement_under_way(event.parsetree);
  if (statement != nullptr)
    refuse_temporary_foundations(*statement->changed);
  AuditRecord record = statement != nullptr ? statement->record : unannounced(event);
  if (statement == nullptr || statement->recorded) {
    if (record.effects == nullptr)
      record.effects = changed_objects_json(statement);
    if (cleared_effects_left())
      record.sensor = sensor::event_trigger_unconfirmed;
    write_record(record);
  }
  if (statement != nullptr)
    finish_statement();
  if (carried_record(event.parsetree) != nullptr)
    forget_carried();
}

} // namespace

} // namespace schema_guard

Datum schema_guard_on_ddl_command_start(PG_FUNCTION_ARGS) {
  const EventTriggerData &event = schema_guard::event_data(fcinfo);
  if (!schema_guard::inert())
    schema_guard::command_start(event);
  PG_RETURN_NULL();
}

Datum schema_guard_on_ddl_command_end(PG_FUNCTION_ARGS) {
  const EventTriggerData &event = schema_guard::event_data(fcinfo);
  if (!schema_guard::inert())
    schema_guard::command_end(event);
  PG_RETURN_NULL();
}
