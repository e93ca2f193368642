#include "approval/binding.hpp"

#include "pg/digest.hpp"
#include "pg/pg.hpp"
#include "pg/secret.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/timestamp.h"
}

namespace schema_guard {

namespace {

constexpr int most_schemas = 1000;

bool is_bound(RuleId rule) {
  return rule == RuleId::lossy_type_change || rule == RuleId::guard_tampering || rule == RuleId::change_catalog;
}

// What has been cut ends within a character of the limit.
bool says_all(const char *statement) {
  return statement != nullptr && strncmp(statement, redaction_mark, strlen(redaction_mark)) != 0 &&
         strlen(statement) <= static_cast<std::size_t>(longest_statement - MAX_MULTIBYTE_CHAR_LEN);
}

// By their OIDs: "$user" may be another schema, or none, for another role or at another time.
const char *schemas_in_path() {
  Oid schemas[most_schemas];
  const int count = fetch_search_path_array(schemas, most_schemas);
  StringInfoData out;
  initStringInfo(&out);
  for (int place = 0; place < Min(count, most_schemas); ++place)
    appendStringInfo(&out, "%u ", schemas[place]);
  // More than there is room for: nothing is the same as this.
  if (count > most_schemas)
    appendStringInfo(&out, INT64_FORMAT, GetCurrentTimestamp());
  return out.data;
}

// Without what one client sends around it and another one doesn't.
std::string_view trimmed(std::string_view text) {
  while (!text.empty() && isspace(static_cast<unsigned char>(text.front())) != 0)
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ';' || isspace(static_cast<unsigned char>(text.back())) != 0))
    text.remove_suffix(1);
  return text;
}

} // namespace

void bind_to_statement(Effects &effects, const char *command_tag, const char *statement, Arena &arena) {
  std::string_view detail;
  for (Effect &effect : effects.list) {
    if (!is_bound(effect.rule))
      continue;
    if (detail.empty()) {
      // What is never the same again is never what was approved.
      const char *known = says_all(statement) ? statement : psprintf("at " INT64_FORMAT, GetCurrentTimestamp());
      const std::string_view text = trimmed(known);
      detail = arena.copy(sha256_hexadecimal(
          psprintf("%s %s %.*s", command_tag, schemas_in_path(), static_cast<int>(text.size()), text.data())));
    }
    effect.detail = detail;
  }
}

} // namespace schema_guard
