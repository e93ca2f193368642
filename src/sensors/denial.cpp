#include "sensors/denial.hpp"

#include "approval/request.hpp"
#include "audit/absorber_worker.hpp"
#include "audit/journal.hpp"
#include "pg/memory.hpp"
#include "pg/sqlstate.hpp"
#include "sensors/statement.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
}

namespace schema_guard {

namespace {

constexpr std::size_t most_listed = 20;

// GRANT … ON PARAMETER, out of what stored_setting calls it: "set on parameter schema_guard.mode for app". Null if the
// effect is none.
const char *grant_text(const Effect &effect) {
  constexpr std::string_view before_names = " on parameter ";
  constexpr std::string_view before_roles = " for ";
  const std::string_view text = effect.description.identity;
  const std::size_t names = text.find(before_names);
  const std::size_t roles = text.find(before_roles, names == std::string_view::npos ? names : names + 1);
  // A stored setting begins with its name, which has more than letters in it.
  if (effect.kind != ObjectKind::setting || roles == std::string_view::npos ||
      text.substr(0, names).find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ,") !=
          std::string_view::npos)
    return nullptr;
  StringInfoData out;
  initStringInfo(&out);
  for (const char letter : text.substr(0, names))
    appendStringInfoChar(&out, static_cast<char>(pg_toupper(static_cast<unsigned char>(letter))));
  appendStringInfo(&out, " on parameter \"");
  for (const char letter : text.substr(names + before_names.size(), roles - names - before_names.size())) {
    if (letter == ' ')
      continue;
    if (letter == ',')
      appendStringInfoString(&out, "\", \"");
    else
      appendStringInfoChar(&out, letter);
  }
  const std::string_view grantees = text.substr(roles + before_roles.size());
  appendStringInfo(&out, "\" to %.*s", static_cast<int>(grantees.size()), grantees.data());
  return out.data;
}

const char *object_text(const Effect &effect) {
  if (const char *grant = grant_text(effect); grant != nullptr)
    return grant;
  const ObjectDescription &object = effect.description;
  return psprintf("%.*s %.*s", static_cast<int>(object.object_type.size()), object.object_type.data(),
                  static_cast<int>(object.identity.size()), object.identity.data());
}

void append_object(StringInfo out, const Effect &effect) {
  appendStringInfoString(out, object_text(effect));
  const char *separator = " (";
  if (const double rows = effect.description.rows; rows >= 0) {
    appendStringInfoString(out, separator);
    appendStringInfo(out, ngettext("about %.0f row", "about %.0f rows", rows == 1 ? 1UL : 2UL), rows);
    separator = ", ";
  }
  if (effect.description.bytes >= 0) {
    const Datum size = DirectFunctionCall1(pg_size_pretty, Int64GetDatum(effect.description.bytes));
    appendStringInfo(out, "%s%s", separator, TextDatumGetCString(size));
    separator = ", ";
  }
  if (effect.cascaded) {
    appendStringInfo(out, "%sby cascade", separator);
    separator = ", ";
  }
  if (strcmp(separator, ", ") == 0)
    appendStringInfoChar(out, ')');
}

// The objects by their places in the effects; all that are not simply allowed if `places` is null.
const char *list_objects(const Effects &effects, const Verdict &verdict, const Vector<std::size_t> *places) {
  StringInfoData out;
  initStringInfo(&out);
  std::size_t count = 0;
  const auto mention = [&](std::size_t place) {
    if (++count > most_listed)
      return;
    if (count > 1)
      appendStringInfoChar(&out, '\n');
    append_object(&out, effects.list[place]);
  };
  if (places != nullptr) {
    for (const std::size_t place : *places)
      mention(place);
  } else {
    for (std::size_t place = 0; place < effects.list.size(); ++place)
      if (verdict.actions[place] != Action::allow)
        mention(place);
  }
  if (count > most_listed)
    appendStringInfo(&out, "\nand %zu more; %zu objects in all", count - most_listed, count);
  return out.data;
}

// Writes the attempt down, where a rollback can't reach it, and waits a moment until the audit has it.
bool record_attempt(const Effects &effects, const char *source, const char *key, AuditRecord &record) {
  RequestFiling filing{
      .key = key, .source = source, .requested_by = GetSessionUserId(), .authenticated_as = GetAuthenticatedUserId()};
  complete_record(record);
  const char *payload = record_json(record, &filing);
  ereport(LOG_SERVER_ONLY, errmsg_internal("schema_guard: %s", log_json(record, effects)), errhidestmt(true),
          errhidecontext(true));
  const AbsorberTurn turn = begin_absorption();
  JournalPosition end;
  if (!journal_append(payload, strlen(payload), &end, WARNING)) {
    cancel_absorption(turn);
    return false;
  }
  await_absorption(turn, end);
  return true;
}

const char *file_request(const Effects &effects, const Verdict &verdict, const char *source, AuditRecord &record) {
  const char *key = request_key(effects, verdict);
  const RequestNumber request = number_request(key);
  record.request_id = request.id;
  if (!record_attempt(effects, source, key, record))
    return "The attempt could not be recorded, and no request was filed; see the warning before this error.";
  remember_filed(key, request.id);
  if (request.id == 0)
    return "The attempt is recorded, but no request could be filed; run the statement again.";
  return psprintf("Request " INT64_FORMAT " %s. An approver runs: SELECT schema_guard.approve(" INT64_FORMAT
                  ", 'reason'); then SET schema_guard.approval_token to the token that it returns, and run this again.",
                  request.id, request.joined ? "is pending for this already" : "was filed", request.id);
}

struct TokenProblem {
  TokenStatus status;
  const char *message;
};

constexpr TokenProblem token_problems[] = {
    {TokenStatus::unknown, "approval token is unknown"},
    {TokenStatus::expired, "approval has expired"},
    {TokenStatus::revoked, "approval has been revoked"},
    {TokenStatus::other_role, "approval was given to another role"},
    {TokenStatus::unreadable, "the approvals cannot be read because somebody has locked their table"},
};

const char *token_problem(TokenStatus status) {
  for (const TokenProblem &row : token_problems)
    if (row.status == status)
      return row.message;
  return nullptr;
}

// The rule's own words; but for rules that are about more than one deed, those of what is done.
const Rule &worded(const Effect &effect) {
  return rule(effect.deed == Deed::rename ? RuleId::rename_table : effect.rule);
}

// What writes to the rows of a table of the guard's.
bool writes_rows(const Effect &effect, const char *tag) {
  if (effect.kind != ObjectKind::table)
    return false;
  for (const char *const writing : {"INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "TRUNCATE TABLE"})
    if (strcmp(tag, writing) == 0)
      return true;
  return false;
}

const char *tampering_message(const Effect &effect, const char *tag) {
  if (const char *grant = grant_text(effect); grant != nullptr)
    return psprintf("cannot grant %s without an approval", grant);
  const char *object = object_text(effect);
  if (effect.kind == ObjectKind::setting)
    return psprintf("cannot store %s without an approval: it would turn schema_guard down", object);
  const Rule &words = rule(writes_rows(effect, tag) ? RuleId::change_catalog : RuleId::guard_tampering);
  return psprintf("cannot %s %s without an approval: it belongs to schema_guard", c_string(words.infinitive), object);
}

} // namespace

const char *blocked_message(const Effect &effect, const char *tag) {
  if (effect.rule == RuleId::other_ddl)
    return psprintf("cannot execute %s without an approval", tag);
  if (effect.rule == RuleId::guard_tampering)
    return tampering_message(effect, tag);
  const Rule &words = worded(effect);
  return psprintf("cannot %s %s%s%s without an approval", c_string(words.infinitive), object_text(effect),
                  words.complement.empty() ? "" : " ", words.complement.empty() ? "" : c_string(words.complement));
}

const char *effect_message(const Effect &effect) {
  return psprintf("%s %s", object_text(effect), c_string(worded(effect).outcome));
}

void deny(const Effects &effects, const Verdict &verdict, const TokenApproval &token, AuditRecord &record) {
  const Effect &first = effects.list[verdict.deciding];
  const char *hint = file_request(effects, verdict, "denial", record);

  if (const char *problem = token_problem(token.status); problem != nullptr)
    ereport(ERROR, errhidestmt(true), errcode(sqlstate_token),
            errmsg("%s: %s", blocked_message(first, record.command_tag), problem),
            errdetail("%s", list_objects(effects, verdict, nullptr)), errhint("%s", hint));

  if (token.status == TokenStatus::valid) {
    const bool used_up = verdict.unlisted.empty();
    ereport(ERROR, errhidestmt(true), errcode(sqlstate_not_covered),
            errmsg(used_up ? "%s: approval " INT64_FORMAT " has been used for it already"
                           : "%s: approval " INT64_FORMAT " does not cover it",
                   blocked_message(effects.list[used_up ? verdict.consumed.front() : verdict.unlisted.front()],
                                   record.command_tag),
                   token.approval->id),
            errdetail("%s", list_objects(effects, verdict, used_up ? &verdict.consumed : &verdict.unlisted)),
            errhint("%s", hint));
  }

  ereport(ERROR, errhidestmt(true),
          errcode(first.rule == RuleId::guard_tampering ? sqlstate_tampering : sqlstate_blocked),
          errmsg("%s", blocked_message(first, record.command_tag)),
          errdetail("%s", list_objects(effects, verdict, nullptr)), errhint("%s", hint));
  pg_unreachable();
}

void deny_in_use(const Effects &effects, const Verdict &verdict, const TokenApproval &token, AuditRecord &record) {
  record.verdict = "blocked";
  (void)file_request(effects, verdict, "denial", record);
  ereport(ERROR, errhidestmt(true), errcode(sqlstate_not_covered),
          errmsg("%s: another transaction is using approval " INT64_FORMAT " for it",
                 blocked_message(effects.list[verdict.consumed.front()], record.command_tag), token.approval->id),
          errdetail("%s", list_objects(effects, verdict, &verdict.consumed)),
          errhint("If that transaction is rolled back, the approval can be used again."));
  pg_unreachable();
}

void end_rehearsal(const Effects &effects, const Verdict &verdict, AuditRecord &record) {
  if (effects.list.empty()) {
    ereport(ERROR, errhidestmt(true), errcode(sqlstate_rehearsed),
            errmsg("rehearsal complete: nothing in this transaction needs an approval"),
            errhint("Reset schema_guard.rehearse and run the transaction again."));
  }
  const char *hint = file_request(effects, verdict, "rehearsal", record);
  ereport(ERROR, errhidestmt(true), errcode(sqlstate_rehearsed),
          errmsg_plural("rehearsal complete: this transaction needs an approval for %zu effect",
                        "rehearsal complete: this transaction needs an approval for %zu effects", effects.list.size(),
                        effects.list.size()),
          errdetail("%s", list_objects(effects, verdict, nullptr)), errhint("%s", hint));
  pg_unreachable();
}

} // namespace schema_guard
