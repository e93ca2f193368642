#include "sensors/utility_command.hpp"

#include "approval/binding.hpp"
#include "pg/live_catalog.hpp"
#include "pg/memory.hpp"
#include "pg/parse.hpp"
#include "pg/range.hpp"
#include "pg/relation_lookup.hpp"
#include "pg/settings.hpp"
#include "sensors/carried_statement.hpp"
#include "sensors/changed_objects.hpp"
#include "sensors/conversion.hpp"
#include "sensors/guard.hpp"
#include "sensors/object_access.hpp"
#include "sensors/sensor.hpp"
#include "sensors/statement.hpp"
#include "sensors/statement_text.hpp"
#include "sensors/temporary.hpp"
#include "sensors/unforeseen.hpp"

extern "C" {
#include "utils/inval.h"
}

namespace schema_guard {

namespace {

bool converts(const Command &command) {
  for (const Target &target : command.targets)
    if (target.deed == Deed::convert)
      return true;
  return false;
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

bool changes_by_name(const Command &command) {
  for (const Target &target : command.targets)
    if (target.deed == Deed::change || target.deed == Deed::rename || target.deed == Deed::move ||
        target.deed == Deed::drop)
      return true;
  return false;
}

bool tampers(const Effects &found) {
  for (const Effect &effect : found.list)
    if (effect.rule == RuleId::guard_tampering)
      return true;
  return false;
}

// A rehearsal ends with a rollback, which is no use to a database whose files are gone.
void refuse_rehearsal(const Command &command) {
  if (!command.can_be_undone && rehearse())
    ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
            errmsg("cannot rehearse %s, which cannot be rolled back", c_string(command.tag)),
            errhint("Reset schema_guard.rehearse first."));
}

void begin(const Node *tree, const Command &command, Effects found, TimestampTz seen_at, const char *sensor,
           Arena &arena) {
  const char *tag = c_string(command.tag);
  const char *text = statement_text(tree);
  // What COPY reads is not in its text.
  bind_to_statement(found, tag, IsA(tree, CopyStmt) ? nullptr : text, arena);
  const Sighting sighting{.sensor = sensor,
                          .command_tag = tag,
                          .statement = text,
                          .seen_at = seen_at,
                          .begun = nullptr,
                          .can_be_undone = command.can_be_undone};
  const Passed passed = guard(found, sighting, arena);
  refuse_rehearsal(command);
  if (innermost_statement() == nullptr)
    forget_carried();
  begin_statement(tree, passed.record, passed.recorded);
  // What it converts is looked at again when the lock is there; see sensors/object_access.cpp.
  if (converts(command))
    keep_conversions(command, found.converted);
  innermost_statement()->spares_guard = changes_by_name(command) && !tampers(found);
  bool takes_away = false;
  for (const Effect &effect : found.list) {
    takes_away |= effect.deed == Deed::drop || effect.deed == Deed::truncate;
    if (effect.address.valid() && !effect.harmless &&
        (effect.deed == Deed::truncate || (effect.deed == Deed::drop && holds_rows(effect.kind))))
      clear_effect(effect.deed, effect.address);
  }
  if (takes_away)
    keep_effects(found, passed.verdict);
  keep_unless_refused(found);
  // Nothing may fail any more once a database's files are gone.
  if (!command.can_be_undone && passed.recorded) {
    write_record(passed.record);
    innermost_statement()->written = true;
    transaction_state()->cannot_be_undone = true;
  }
}

// The statement has committed on its way; or its start was not seen, as it is the one that created the extension, or
// that ended the guard's rest.
AuditRecord unannounced(const Node *tree, const char *sensor) {
  if (const AuditRecord *carried = carried_record(tree); carried != nullptr)
    return *carried;
  AuditRecord record = new_record();
  record.verdict = "allowed";
  record.rule = "other_ddl";
  record.command_tag = c_string(command_tag(tree));
  record.statement = statement_text(tree);
  record.sensor = sensor;
  return record;
}

bool fills_catalog(const CopyStmt *copy) { return copy->is_from && is_schema_catalog(relation_named(copy->relation)); }

// Nothing that anybody could miss, nor anything to be recorded.
bool is_idle(const Effects &found) {
  for (const Effect &effect : found.list)
    if (!effect.harmless && effect.rule != RuleId::other_ddl)
      return false;
  return true;
}

// PostgreSQL has done what it should have refused: judged now, while it can still be undone.
void judge_not_refused(Statement &statement, const char *sensor) {
  ContextArena arena;
  Effects found(arena);
  for (const Effect &effect : statement.unless_refused->list)
    found.list.push_back(effect);
  statement.unless_refused = nullptr;
  const Sighting sighting{.sensor = sensor,
                          .command_tag = statement.record.command_tag,
                          .statement = statement.record.statement,
                          .seen_at = statement.record.occurred_at,
                          .begun = nullptr,
                          .can_be_undone = true};
  guard_and_record(found, sighting, true, arena);
  statement.written = true;
}

} // namespace

void command_started(const Node *tree, const char *sensor) {
  const TimestampTz seen_at = GetCurrentTimestamp();
  ContextArena arena;
  const Command command = parse_command(tree, arena);
  begin(tree, command, effects_of(command, arena), seen_at, sensor, arena);
}

bool command_is_under_way(const Node *tree) {
  const Statement *statement = innermost_statement();
  return statement != nullptr && statement->tree == tree;
}

bool command_is_open(const Node *tree) { return command_is_under_way(tree) || carried_record(tree) != nullptr; }

bool other_command_started(const Node *tree) {
  // There is a lot of COPY, and next to none of it into catalogs.
  if (IsA(tree, CopyStmt) && !fills_catalog(reinterpret_cast<const CopyStmt *>(tree)))
    return false;
  const TimestampTz seen_at = GetCurrentTimestamp();
  ContextArena arena;
  const Command command = parse_command(tree, arena);
  const Effects found = effects_of(command, arena);
  if (found.refused && IsA(tree, TruncateStmt)) {
    AuditRecord record = new_record();
    record.command_tag = c_string(command.tag);
    record.statement = statement_text(tree);
    begin_statement(tree, record, false);
    expect_failure();
    return true;
  }
  // Not even what needs no approval: it would be gone after the rehearsal.
  if (IsA(tree, DropdbStmt) && !found.refused)
    refuse_rehearsal(command);
  if (is_idle(found))
    return false;
  begin(tree, command, found, seen_at, sensor::utility, arena);
  return true;
}

void command_ended(const Node *tree, const char *sensor) {
  Statement *statement = statement_under_way(tree);
  if (statement != nullptr && statement->unless_refused != nullptr)
    judge_not_refused(*statement, sensor);
  judge_unexpected_truncation();
  judge_finished_conversions();
  if (statement != nullptr)
    judge_unforeseen_tampering(*statement);
  if (statement != nullptr)
    refuse_temporary_foundations(*statement->changed);
  AuditRecord record = statement != nullptr ? statement->record : unannounced(tree, sensor);
  if (statement == nullptr || (statement->recorded && !statement->written)) {
    if (record.effects == nullptr)
      record.effects = changed_objects_json(statement, sensor == sensor::event_trigger);
    record.sensor = sensor;
    if (cleared_effects_left())
      record.sensor = sensor::event_trigger_unconfirmed;
    write_record(record);
  }
  if (statement != nullptr)
    finish_statement();
  if (carried_record(tree) != nullptr)
    forget_carried();
}

void command_abandoned(const Node *tree) {
  if (statement_under_way(tree) != nullptr)
    finish_statement();
}

} // namespace schema_guard
