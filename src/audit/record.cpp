#include "audit/record.hpp"

#include "pg/memory.hpp"

extern "C" {
#include "access/transam.h"
#include "common/pg_prng.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/inet.h"
#include "utils/json.h"
}

namespace schema_guard {

namespace {

constexpr std::size_t most_logged_effects = 20;

// Fixed for the life of the session, so worked out once.
const char *client_address() {
  static const char *address = nullptr;
  static bool known = false;
  if (known || MyProcPort == nullptr)
    return address;
  LOCAL_FCINFO(call, 0);
  InitFunctionCallInfoData(*call, nullptr, 0, InvalidOid, nullptr, nullptr);
  const Datum datum = inet_client_addr(call);
  if (!call->isnull)
    address = MemoryContextStrdup(TopMemoryContext, DatumGetCString(DirectFunctionCall1(inet_out, datum)));
  known = true;
  return address;
}

void append_key(StringInfo out, const char *key) {
  if (out->data[out->len - 1] != '{')
    appendStringInfoChar(out, ',');
  appendStringInfo(out, "\"%s\":", key);
}

void append_text(StringInfo out, const char *key, const char *value) {
  if (value == nullptr)
    return;
  append_key(out, key);
  escape_json(out, value);
}

void append_number(StringInfo out, const char *key, int64 value) {
  append_key(out, key);
  appendStringInfo(out, INT64_FORMAT, value);
}

void append_common(StringInfo out, const AuditRecord &record) {
  append_text(out, "event_id", DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&record.event_id))));
  append_text(out, "occurred_at",
              JsonEncodeDateTime(nullptr, TimestampTzGetDatum(record.occurred_at), TIMESTAMPTZOID, nullptr));
  append_text(out, "verdict", record.verdict);
  append_text(out, "rule", record.rule);
  append_text(out, "command_tag", record.command_tag);
  append_text(out, "statement", record.statement);
  append_text(out, "session_role", record.session_role);
  append_text(out, "effective_role", record.effective_role);
  append_text(out, "application_name", record.application_name);
  append_text(out, "client_address", record.client_address);
  append_number(out, "backend_pid", record.backend_pid);
  if (record.transaction_id != 0)
    append_number(out, "transaction_id", static_cast<int64>(record.transaction_id));
  if (record.request_id != 0)
    append_number(out, "request_id", record.request_id);
  if (record.approval_id != 0)
    append_number(out, "approval_id", record.approval_id);
  append_text(out, "sensor", record.sensor);
}

} // namespace

AuditRecord copy_record(MemoryContext context, const AuditRecord &record) {
  AuditRecord result = record;
  for (const char *AuditRecord::*field :
       {&AuditRecord::verdict, &AuditRecord::rule, &AuditRecord::command_tag, &AuditRecord::statement,
        &AuditRecord::session_role, &AuditRecord::effective_role, &AuditRecord::application_name, &AuditRecord::sensor})
    if (record.*field != nullptr)
      result.*field = MemoryContextStrdup(context, record.*field);
  if (record.effects != nullptr) {
    result.effects = static_cast<Jsonb *>(MemoryContextAlloc(context, VARSIZE(record.effects)));
    memcpy(result.effects, record.effects, VARSIZE(record.effects));
  }
  return result;
}

AuditRecord new_record() {
  AuditRecord record{};
  // A version 4 UUID, as RFC 9562 marks it. It has to be unique, not secret: PostgreSQL seeds this generator from
  // strong random bits in every process.
  const uint64 random[] = {pg_prng_uint64(&pg_global_prng_state), pg_prng_uint64(&pg_global_prng_state)};
  static_assert(sizeof(random) == UUID_LEN);
  memcpy(record.event_id.data, random, UUID_LEN);
  record.event_id.data[6] = static_cast<unsigned char>((record.event_id.data[6] & 0x0f) | 0x40);
  record.event_id.data[8] = static_cast<unsigned char>((record.event_id.data[8] & 0x3f) | 0x80);
  record.occurred_at = GetCurrentTimestamp();
  record.session_role = GetUserNameFromId(GetSessionUserId(), true);
  record.effective_role = GetUserNameFromId(GetUserId(), true);
  record.application_name = application_name == nullptr ? nullptr : pstrdup(application_name);
  record.client_address = client_address();
  record.backend_pid = MyProcPid;
  record.duration = -1;
  return record;
}

void complete_record(AuditRecord &record) {
  record.transaction_id = U64FromFullTransactionId(GetTopFullTransactionIdIfAny());
  record.duration = GetCurrentTimestamp() - record.occurred_at;
}

char *record_json(const AuditRecord &record, const RequestFiling *filing) {
  StringInfoData out;
  initStringInfo(&out);
  appendStringInfoChar(&out, '{');
  append_common(&out, record);
  if (record.duration >= 0) {
    append_key(&out, "duration");
    appendStringInfo(&out, "\"" INT64_FORMAT " microseconds\"", record.duration);
  }
  if (record.effects != nullptr) {
    append_key(&out, "effects");
    appendStringInfoString(&out, json_text(record.effects));
  }
  if (filing != nullptr) {
    append_text(&out, "request_key", filing->key);
    append_text(&out, "request_source", filing->source);
    append_number(&out, "requested_by", filing->requested_by);
    append_number(&out, "authenticated_as", filing->authenticated_as);
  }
  appendStringInfoChar(&out, '}');
  return out.data;
}

char *log_json(const AuditRecord &record, const Effects &effects) {
  StringInfoData out;
  initStringInfo(&out);
  appendStringInfoChar(&out, '{');
  append_common(&out, record);
  append_number(&out, "effect_count", static_cast<int64>(effects.list.size()));
  append_key(&out, "objects");
  appendStringInfoChar(&out, '[');
  for (std::size_t place = 0; place < effects.list.size() && place < most_logged_effects; ++place) {
    if (place > 0)
      appendStringInfoChar(&out, ',');
    escape_json(&out, c_string(effects.list[place].description.identity));
  }
  appendStringInfoString(&out, "]}");
  return out.data;
}

Jsonb *effects_json(const Effects &effects, const Verdict &verdict) {
  JsonArray array;
  for (std::size_t place = 0; place < effects.list.size(); ++place) {
    const Effect &effect = effects.list[place];
    array.begin_object();
    array.text("rule", rule(effect.rule).name);
    array.text("action", action_name(verdict.actions[place]));
    array.text("object_type", effect.description.object_type);
    array.text("identity", effect.description.identity);
    array.boolean("cascaded", effect.cascaded);
    if (effect.description.rows >= 0)
      array.number("rows", static_cast<int64>(effect.description.rows));
    if (effect.description.bytes >= 0)
      array.number("bytes", effect.description.bytes);
    array.number("class_id", effect.address.class_id);
    array.number("object_id", effect.address.object_id);
    array.number("sub_id", effect.address.sub_id);
    if (!effect.detail.empty())
      array.text("detail", effect.detail);
    array.end_object();
  }
  return array.finish();
}

} // namespace schema_guard
