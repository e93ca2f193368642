#include "pg/json.hpp"

extern "C" {
#include "utils/numeric.h"
}

namespace schema_guard {

namespace {

JsonbValue string_value(std::string_view text) {
  JsonbValue value{};
  value.type = jbvString;
  value.val.string.val = const_cast<char *>(text.data());
  value.val.string.len = static_cast<int>(text.size());
  return value;
}

} // namespace

void JsonArray::begin_array_once() {
  if (state_ == nullptr)
    pushJsonbValue(&state_, WJB_BEGIN_ARRAY, nullptr);
}

void JsonArray::key(std::string_view name) {
  JsonbValue value = string_value(name);
  pushJsonbValue(&state_, WJB_KEY, &value);
}

void JsonArray::begin_object() {
  begin_array_once();
  pushJsonbValue(&state_, WJB_BEGIN_OBJECT, nullptr);
}

void JsonArray::text(std::string_view name, std::string_view text) {
  key(name);
  JsonbValue value = string_value(text);
  pushJsonbValue(&state_, WJB_VALUE, &value);
}

void JsonArray::number(std::string_view name, int64 number) {
  key(name);
  JsonbValue value{};
  value.type = jbvNumeric;
  value.val.numeric = int64_to_numeric(number);
  pushJsonbValue(&state_, WJB_VALUE, &value);
}

void JsonArray::boolean(std::string_view name, bool boolean) {
  key(name);
  JsonbValue value{};
  value.type = jbvBool;
  value.val.boolean = boolean;
  pushJsonbValue(&state_, WJB_VALUE, &value);
}

void JsonArray::end_object() { pushJsonbValue(&state_, WJB_END_OBJECT, nullptr); }

Jsonb *JsonArray::finish() {
  if (state_ == nullptr)
    return nullptr;
  return JsonbValueToJsonb(pushJsonbValue(&state_, WJB_END_ARRAY, nullptr));
}

char *json_text(Jsonb *json) { return JsonbToCString(nullptr, &json->root, VARSIZE(json)); }

} // namespace schema_guard
