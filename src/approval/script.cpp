// request_approval(): what a script would do, asked for before it runs.
#include "approval/binding.hpp"
#include "approval/request.hpp"
#include "audit/record.hpp"
#include "pg/arguments.hpp"
#include "pg/live_catalog.hpp"
#include "pg/memory.hpp"
#include "pg/parse.hpp"
#include "pg/query.hpp"
#include "pg/secret.hpp"
#include "pg/settings.hpp"
#include "policy/live_policy.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

PG_FUNCTION_INFO_V1(schema_guard_request_approval);
}

namespace schema_guard {

namespace {

// A statement that follows on what an earlier one of the script does can't be judged on the database as it is.
void warn_of_refusal(int number, const Command &command) {
  ereport(
      WARNING, errmsg("statement %d, %s, is not in the request", number, c_string(command.tag)),
      errdetail("PostgreSQL would refuse it on the database as it is now: an object does not exist or is not yours, "
                "or something else depends on it."),
      errhint("If an earlier statement of the script changes that, run it with schema_guard.rehearse instead."));
}

// The script as it is kept: without the statements that can hold a secret.
const char *without_secrets(const char *script) {
  StringInfoData out;
  initStringInfo(&out);
  bool any = false;
  List *statements = raw_parser(script, RAW_PARSE_DEFAULT);
  const ListCell *cell = nullptr;
  foreach (cell, statements) {
    const auto *statement = static_cast<const RawStmt *>(lfirst(cell));
    const char *start = script + statement->stmt_location;
    const int length = statement->stmt_len > 0 ? statement->stmt_len : static_cast<int>(strlen(start));
    const bool secret = may_hold_secret(statement->stmt);
    any |= secret;
    if (secret)
      appendStringInfo(&out, "\n-- %s (redacted: it can hold a secret)\n", c_string(command_tag(statement->stmt)));
    else
      appendStringInfo(&out, "%.*s;", length, start);
  }
  return any ? out.data : script;
}

const char *text_of(const char *script, const RawStmt *statement) {
  const char *start = script + statement->stmt_location;
  return statement->stmt_len > 0 ? pnstrdup(start, statement->stmt_len) : pstrdup(start);
}

// The effects of every statement of the script on the database as it is, each object once.
void collect(const char *script, Effects &all, Arena &arena) {
  LiveCatalog catalog(arena);
  Map<ApprovedEffect, bool> seen(arena);
  List *statements = raw_parser(script, RAW_PARSE_DEFAULT);
  const ListCell *cell = nullptr;
  int number = 0;
  foreach (cell, statements) {
    ++number;
    const auto *raw = static_cast<const RawStmt *>(lfirst(cell));
    const Node *statement = raw->stmt;
    const Command command = parse_command(statement, arena);
    if (command.targets.empty())
      continue;
    Effects found = effects(command, catalog, arena);
    bind_to_statement(found, c_string(command.tag), text_of(script, raw), arena);
    if (found.refused)
      warn_of_refusal(number, command);
    all.refused |= found.refused;
    for (const Effect &effect : found.list)
      if (effect.address.valid() &&
          seen.emplace(ApprovedEffect{effect.rule, effect.address, 0, false, effect.detail}, true).second)
        all.list.push_back(effect);
  }
  catalog.close();
}

constexpr const char *insert_request = R"(
INSERT INTO schema_guard.request
       (id, status, request_key, source, requested_by, authenticated_as, requester, reason, statement, effects,
        application_name, client_address)
VALUES ($1, 'pending', $2, 'script', $3, $4, $5, $6, $7, $8, $9, $10))";

void insert(int64 id, const char *key, const char *reason, const char *script, Jsonb *effects) {
  const AuditRecord record = new_record();
  const bool remote = record.client_address != nullptr;
  GuardQuery query = GuardQuery::open();
  query.execute(
      insert_request,
      {bigint_argument(id),
       text_argument(key),
       oid_argument(GetSessionUserId()),
       oid_argument(GetAuthenticatedUserId()),
       text_argument(record.session_role),
       text_argument(reason),
       text_argument(script),
       {JSONBOID, JsonbPGetDatum(effects)},
       record.application_name == nullptr ? null_text_argument() : text_argument(record.application_name),
       {INETOID, remote ? DirectFunctionCall1(inet_in, CStringGetDatum(record.client_address)) : Datum{0}, !remote}});
  query.close();
}

} // namespace

} // namespace schema_guard

Datum schema_guard_request_approval(PG_FUNCTION_ARGS) {
  using namespace schema_guard;
  const char *script = required_text(fcinfo, 0, "script");
  const char *reason = required_text(fcinfo, 1, "reason");
  PreventCommandDuringRecovery("request_approval()");

  ContextArena arena;
  Effects found(arena);
  collect(script, found, arena);
  LivePolicy policy;
  const Verdict verdict = judge(found, policy, nullptr, GuardMode::enforce, false, arena);
  if (verdict.decision != Decision::blocked) {
    if (found.refused)
      ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
              errmsg("PostgreSQL would refuse a statement of this script for you by itself"),
              errdetail("An object does not exist or is not yours, or RESTRICT meets something that depends on it."));
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("nothing in this script needs an approval"));
  }

  const char *key = request_key(found, verdict);
  const RequestNumber request = number_request(key);
  if (request.id == 0)
    ereport(ERROR, errcode(ERRCODE_LOCK_NOT_AVAILABLE), errmsg("could not obtain a number for the request"));
  if (!request.joined)
    insert(request.id, key, reason, without_secrets(script), effects_json(found, verdict));
  PG_RETURN_INT64(request.id);
}
