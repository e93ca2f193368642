#include "pg/guarded_setting.hpp"

#include "pg/settings.hpp"

extern "C" {
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/varlena.h"
}

namespace schema_guard {

namespace {

struct Mode {
  const char *name;
  GuardMode mode;
};
constexpr Mode modes[] = {{"enforce", GuardMode::enforce},
                          {"warn", GuardMode::warn},
                          {"observe", GuardMode::observe},
                          {"off", GuardMode::off}};

GuardMode mode_named(const char *name) {
  for (const Mode &row : modes)
    if (name != nullptr && pg_strcasecmp(name, row.name) == 0)
      return row.mode;
  return GuardMode::enforce; // the default, and whatever PostgreSQL refuses
}

bool is_off(const char *value) {
  bool on = true;
  return value != nullptr && parse_bool(value, &on) && !on;
}

bool lowers_mode(const char *before, const char *after) { return mode_named(after) > mode_named(before); }

bool switches_off(const char *before, const char *after) { return is_off(after) && !is_off(before); }

bool narrows(const char *before, const char *after, const char *all) {
  return after != nullptr && strcmp(after, all) != 0 && (before == nullptr || strcmp(before, after) != 0);
}

bool ends_protection(const char *before, const char *after) { return narrows(before, after, "*"); }

bool ends_sensors(const char *before, const char *after) { return narrows(before, after, "all"); }

bool unloads(const char *before, const char *after) {
  return !lists_guard_library(after) && lists_guard_library(before);
}

constexpr GuardedSetting settings[] = {
    {"schema_guard.mode", lowers_mode},
    {"schema_guard.four_eyes", switches_off},
    {"schema_guard.protect_databases", ends_protection},
    {"schema_guard.debug_sensors", ends_sensors},
    {"session_preload_libraries", unloads},
    {"shared_preload_libraries", unloads},
    {"event_triggers", switches_off}, // since PostgreSQL 17
};

} // namespace

std::span<const GuardedSetting> guarded_settings() { return settings; }

const GuardedSetting *find_guarded_setting(const char *name) {
  for (const GuardedSetting &row : settings)
    if (name != nullptr && pg_strcasecmp(name, row.name) == 0)
      return &row;
  return nullptr;
}

bool lists_guard_library(const char *libraries) {
  if (libraries == nullptr)
    return false;
  List *names = NIL;
  if (!SplitDirectoriesString(pstrdup(libraries), ',', &names))
    return false;
  const ListCell *cell = nullptr;
  foreach (cell, names) {
    const auto *path = static_cast<const char *>(lfirst(cell));
    const char *slash = strrchr(path, '/');
    const char *file = slash == nullptr ? path : slash + 1;
    if (strcmp(file, "schema_guard") == 0 || strcmp(file, "schema_guard" DLSUFFIX) == 0)
      return true;
  }
  return false;
}

} // namespace schema_guard
