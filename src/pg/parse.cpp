#include "pg/parse.hpp"

#include "pg/parse_alter_table.hpp"
#include "pg/stored_setting.hpp"

extern "C" {
#include "nodes/pg_list.h"
#include "commands/event_trigger.h"
#include "commands/trigger.h"
#include "nodes/value.h"
#include "tcop/cmdtag.h"
#include "tcop/utility.h"
}

namespace schema_guard {

namespace {

void parse_drop(const Node *statement, Command &command) {
  const auto *drop = reinterpret_cast<const DropStmt *>(statement);
  command.cascade = drop->behavior == DROP_CASCADE;
  const ListCell *cell = nullptr;
  foreach (cell, drop->objects)
    command.targets.push_back({.object_type = drop->removeType, .node = lfirst(cell), .missing_ok = drop->missing_ok});
}

void parse_drop_owned(const Node *statement, Command &command) {
  const auto *drop = reinterpret_cast<const DropOwnedStmt *>(statement);
  command.cascade = drop->behavior == DROP_CASCADE;
  const ListCell *cell = nullptr;
  foreach (cell, drop->roles)
    command.targets.push_back({.deed = Deed::drop_owned, .object_type = OBJECT_ROLE, .node = lfirst(cell)});
}

// Statements that change a relation in other ways; they matter if the relation is the guard's own.
template <typename Statement, RangeVar *Statement::*relation>
void parse_change(const Node *statement, Command &command) {
  const RangeVar *range = reinterpret_cast<const Statement *>(statement)->*relation;
  change_object(command, OBJECT_TABLE, range);
}

// A schema is named by a plain string, here and there.
void change_schema(Command &command, const char *name) {
  if (name != nullptr)
    change_object(command, OBJECT_SCHEMA, makeString(pstrdup(name)));
}

void parse_rename(const Node *statement, Command &command) {
  const auto *rename = reinterpret_cast<const RenameStmt *>(statement);
  Target target{.deed = Deed::rename, .node = rename->relation, .missing_ok = rename->missing_ok};
  if (rename->renameType == OBJECT_SCHEMA) {
    target.object_type = OBJECT_SCHEMA;
    target.node = makeString(pstrdup(rename->subname));
    command.targets.push_back(target);
  } else if (rename->renameType == OBJECT_DATABASE) {
    target.object_type = OBJECT_DATABASE;
    target.node = makeString(pstrdup(rename->subname));
    command.targets.push_back(target);
    return;
  } else if (rename->renameType == OBJECT_COLUMN || rename->renameType == OBJECT_ATTRIBUTE) {
    target.object_type = OBJECT_COLUMN;
    target.member = rename->subname;
    command.targets.push_back(target);
  } else if (rename->relation != nullptr && rename->subname == nullptr) {
    target.object_type = OBJECT_TABLE;
    command.targets.push_back(target);
  }

  if (rename->relation != nullptr)
    change_object(command, OBJECT_TABLE, rename->relation);
  else if (rename->renameType == OBJECT_SCHEMA)
    change_schema(command, rename->subname);
  else
    change_object(command, rename->renameType, rename->object);
}

void parse_move(const Node *statement, Command &command) {
  const auto *move = reinterpret_cast<const AlterObjectSchemaStmt *>(statement);
  if (move->relation != nullptr) {
    command.targets.push_back({.deed = Deed::move,
                               .object_type = OBJECT_TABLE,
                               .node = move->relation,
                               .within = makeString(move->newschema),
                               .missing_ok = move->missing_ok});
    change_object(command, OBJECT_TABLE, move->relation);
  } else {
    change_object(command, move->objectType, move->object);
  }
}

void parse_owner(const Node *statement, Command &command) {
  const auto *owner = reinterpret_cast<const AlterOwnerStmt *>(statement);
  change_object(command, owner->objectType, owner->object);
}

// ALTER … DEPENDS ON EXTENSION: the object would go with that extension.
void parse_depends(const Node *statement, Command &command) {
  const auto *depends = reinterpret_cast<const AlterObjectDependsStmt *>(statement);
  if (depends->relation != nullptr)
    change_object(command, OBJECT_TABLE, depends->relation);
  else
    change_object(command, depends->objectType, depends->object);
}

void parse_extension_contents(const Node *statement, Command &command) {
  const auto *contents = reinterpret_cast<const AlterExtensionContentsStmt *>(statement);
  change_object(command, OBJECT_EXTENSION, makeString(contents->extname));
}

void parse_truncate(const Node *statement, Command &command) {
  const auto *truncate = reinterpret_cast<const TruncateStmt *>(statement);
  command.cascade = truncate->behavior == DROP_CASCADE;
  const ListCell *cell = nullptr;
  foreach (cell, truncate->relations)
    command.targets.push_back({.deed = Deed::truncate,
                               .object_type = OBJECT_TABLE,
                               .node = lfirst(cell),
                               .recurse = static_cast<const RangeVar *>(lfirst(cell))->inh});
}

void parse_copy(const Node *statement, Command &command) {
  const auto *copy = reinterpret_cast<const CopyStmt *>(statement);
  if (copy->is_from)
    command.targets.push_back({.deed = Deed::write_rows, .object_type = OBJECT_TABLE, .node = copy->relation});
}

void parse_drop_database(const Node *statement, Command &command) {
  const auto *drop = reinterpret_cast<const DropdbStmt *>(statement);
  command.can_be_undone = false;
  command.targets.push_back(
      {.object_type = OBJECT_DATABASE, .node = makeString(drop->dbname), .missing_ok = drop->missing_ok});
}

void parse_reassign_owned(const Node *statement, Command &command) {
  const ListCell *cell = nullptr;
  foreach (cell, reinterpret_cast<const ReassignOwnedStmt *>(statement)->roles)
    command.targets.push_back({.deed = Deed::change_owned, .object_type = OBJECT_ROLE, .node = lfirst(cell)});
}

// ENABLE ALWAYS is how the guard has its event triggers.
void parse_alter_event_trigger(const Node *statement, Command &command) {
  const auto *alter = reinterpret_cast<const AlterEventTrigStmt *>(statement);
  if (alter->tgenabled != TRIGGER_FIRES_ALWAYS)
    change_object(command, OBJECT_EVENT_TRIGGER, makeString(alter->trigname));
}

// Whether what is set matters, src/pg/stored_setting finds out.
void parse_setting(const Node *statement, Command &command) {
  command.can_be_undone = !IsA(statement, AlterSystemStmt);
  change_object(command, stored_setting_object, statement);
}

// To let somebody read is the DBA's business, and the guard's functions look themselves who calls: pg_dump grants them
// to approvers again. Whatever else a role may do to the guard's own is not.
bool grants_more_than_reading(const GrantStmt *grant) {
  if (!grant->is_grant)
    return false;
  bool more = grant->privileges == NIL;
  const ListCell *cell = nullptr;
  foreach (cell, grant->privileges) {
    const char *name = static_cast<const AccessPriv *>(lfirst(cell))->priv_name;
    more |= name == nullptr || (strcmp(name, "select") != 0 && strcmp(name, "usage") != 0);
  }
  return more;
}

void parse_grant(const Node *statement, Command &command) {
  const auto *grant = reinterpret_cast<const GrantStmt *>(statement);
  if (grant->objtype == OBJECT_PARAMETER_ACL)
    return parse_setting(statement, command);
  if (!grants_more_than_reading(grant))
    return;
  const bool all_in_schema = grant->targtype == ACL_TARGET_ALL_IN_SCHEMA;
  const bool holds_rows = grant->objtype == OBJECT_TABLE || grant->objtype == OBJECT_SEQUENCE;
  if (!(grant->targtype == ACL_TARGET_OBJECT && (holds_rows || grant->objtype == OBJECT_SCHEMA)) &&
      !(all_in_schema && holds_rows))
    return;
  const int object_type = all_in_schema || !holds_rows ? OBJECT_SCHEMA : OBJECT_TABLE;
  const ListCell *cell = nullptr;
  foreach (cell, grant->objects)
    change_object(command, object_type, lfirst(cell));
}

void parse_alter_function(const Node *statement, Command &command) {
  const auto *alter = reinterpret_cast<const AlterFunctionStmt *>(statement);
  change_object(command, alter->objtype, alter->func);
  change_object(command, stored_setting_object, statement);
}

// A new function in the guard's schema, or one that takes the place of the guard's own.
void parse_create_function(const Node *statement, Command &command) {
  const auto *create = reinterpret_cast<const CreateFunctionStmt *>(statement);
  change_object(command, OBJECT_SCHEMA, create->funcname);
  change_object(command, stored_setting_object, statement);
}

// A child's rows would show among its parent's.
void parse_create_table(const Node *statement, Command &command) {
  const auto *create = reinterpret_cast<const CreateStmt *>(statement);
  const ListCell *cell = nullptr;
  foreach (cell, create->inhRelations)
    change_object(command, OBJECT_TABLE, lfirst(cell));
}

// Its elements are statements of their own, for which no event trigger runs. These two can reach what is not in the new
// schema.
void parse_create_schema(const Node *statement, Command &command) {
  const ListCell *cell = nullptr;
  foreach (cell, reinterpret_cast<const CreateSchemaStmt *>(statement)->schemaElts) {
    const auto *element = static_cast<const Node *>(lfirst(cell));
    if (IsA(element, GrantStmt))
      parse_grant(element, command);
    else if (IsA(element, CreateStmt))
      parse_create_table(element, command);
  }
}

// Up to PostgreSQL 15, ON SELECT DO INSTEAD turns an empty table into a view.
void parse_rule(const Node *statement, Command &command) {
  const auto *rule = reinterpret_cast<const RuleStmt *>(statement);
  if (rule->event == CMD_SELECT)
    command.targets.push_back({.deed = Deed::become_view, .object_type = OBJECT_TABLE, .node = rule->relation});
  change_object(command, OBJECT_TABLE, rule->relation);
}

struct StatementKind {
  NodeTag tag;
  void (*parse)(const Node *statement, Command &command);
};

constexpr StatementKind statement_kinds[] = {
    {T_DropStmt, parse_drop},
    {T_DropOwnedStmt, parse_drop_owned},
    {T_AlterTableStmt, parse_alter_table},
    {T_CreateTrigStmt, parse_change<CreateTrigStmt, &CreateTrigStmt::relation>},
    {T_RuleStmt, parse_rule},
    {T_CreatePolicyStmt, parse_change<CreatePolicyStmt, &CreatePolicyStmt::table>},
    {T_AlterPolicyStmt, parse_change<AlterPolicyStmt, &AlterPolicyStmt::table>},
    {T_IndexStmt, parse_change<IndexStmt, &IndexStmt::relation>},
    {T_RenameStmt, parse_rename},
    {T_AlterObjectSchemaStmt, parse_move},
    {T_AlterOwnerStmt, parse_owner},
    {T_AlterObjectDependsStmt, parse_depends},
    {T_AlterExtensionContentsStmt, parse_extension_contents},
    {T_AlterFunctionStmt, parse_alter_function},
    {T_CreateFunctionStmt, parse_create_function},
    {T_CreateStmt, parse_create_table},
    {T_CreateSchemaStmt, parse_create_schema},
    {T_CreateForeignTableStmt, parse_create_table}, // begins with a CreateStmt
    {T_ViewStmt, parse_change<ViewStmt, &ViewStmt::view>},
    {T_TruncateStmt, parse_truncate},
    {T_CopyStmt, parse_copy},
    {T_DropdbStmt, parse_drop_database},
    {T_ReassignOwnedStmt, parse_reassign_owned},
    {T_AlterEventTrigStmt, parse_alter_event_trigger},
    {T_AlterDatabaseSetStmt, parse_setting},
    {T_AlterRoleSetStmt, parse_setting},
    {T_AlterSystemStmt, parse_setting},
    {T_GrantStmt, parse_grant},
    {T_AlterSeqStmt, parse_change<AlterSeqStmt, &AlterSeqStmt::sequence>},
};

} // namespace

Command parse_command(const Node *statement, Arena &arena) {
  Command command(arena, command_tag(statement));
  for (const StatementKind &kind : statement_kinds)
    if (nodeTag(statement) == kind.tag)
      kind.parse(statement, command);
  return command;
}

bool is_judged(const Node *statement) {
  for (const StatementKind &kind : statement_kinds)
    if (nodeTag(statement) == kind.tag)
      return true;
  return false;
}

bool fires_event_triggers(const Node *statement) {
  if (IsA(statement, GrantStmt))
    return EventTriggerSupportsObjectType(reinterpret_cast<const GrantStmt *>(statement)->objtype);
  return command_tag_event_trigger_ok(CreateCommandTag(const_cast<Node *>(statement)));
}

std::string_view command_tag(const Node *statement) { return CreateCommandName(const_cast<Node *>(statement)); }

} // namespace schema_guard
