// A jsonb array of flat objects, built without a detour through text.
//
// Promise: pure memory work in the current context, so that the end of a failed transaction can use it too.
#pragma once

#include "pg/pg.hpp"

#include <string_view>

extern "C" {
#include "utils/jsonb.h"
}

namespace schema_guard {

class JsonArray {
public:
  void begin_object();
  void text(std::string_view key, std::string_view value);
  void number(std::string_view key, int64 value);
  void boolean(std::string_view key, bool value);
  void end_object();

  // The array; null if no object was begun. To be called once.
  Jsonb *finish();

private:
  void key(std::string_view name);
  void begin_array_once();

  JsonbParseState *state_ = nullptr;
};

// As text, in the current memory context.
char *json_text(Jsonb *json);

} // namespace schema_guard
