// The settings that the guard depends on, and which of their values turn it down.
#pragma once

#include "pg/pg.hpp"

#include <span>

namespace schema_guard {

struct GuardedSetting {
  const char *name;
  // True if the second value leaves less of the guard than the first. Null: nobody has set it.
  bool (*weakens)(const char *before, const char *after);
};

std::span<const GuardedSetting> guarded_settings();

// Null if the guard does not depend on it. Names are compared without regard to case, as PostgreSQL does.
const GuardedSetting *find_guarded_setting(const char *name);

// True if a value of session_preload_libraries or shared_preload_libraries has the guard in it: by its name, or as the
// very file that is loaded here. Another file of that name is another library.
bool lists_guard_library(const char *libraries);

} // namespace schema_guard
