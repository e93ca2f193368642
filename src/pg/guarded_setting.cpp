#include "pg/guarded_setting.hpp"

#include "pg/settings.hpp"

#include <dlfcn.h>
#include <sys/stat.h>

extern "C" {
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/varlena.h"
}

namespace schema_guard {

namespace {

bool is_off(const char *value) {
  bool on = true;
  return value != nullptr && parse_bool(value, &on) && !on;
}

// The default, also for whatever PostgreSQL refuses.
GuardMode mode_of(const char *value) { return mode_named(value).value_or(GuardMode::enforce); }

bool lowers_mode(const char *before, const char *after) { return mode_of(after) > mode_of(before); }

bool switches_off(const char *before, const char *after) { return is_off(after) && !is_off(before); }

// Anything but the default and what was there before.
bool departs(const char *before, const char *after, const char *by_default) {
  return after != nullptr && strcmp(after, by_default) != 0 && (before == nullptr || strcmp(before, after) != 0);
}

bool ends_protection(const char *before, const char *after) { return departs(before, after, "*"); }

bool ends_sensors(const char *before, const char *after) { return departs(before, after, "all"); }

// A file called schema_guard in any folder of the path goes before $libdir/schema_guard.so (expand_dynamic_library_name
// in utils/fmgr/dfmgr.c), and can be put there later.
bool redirects(const char *before, const char *after) { return departs(before, after, "$libdir"); }

bool unloads(const char *before, const char *after) {
  return !lists_guard_library(after) && lists_guard_library(before);
}

// The names that the guard's library goes by; a suffix may follow.
constexpr const char *library_names[] = {"schema_guard", "$libdir/schema_guard"};

bool has_library_name(const char *path) {
  for (const char *name : library_names)
    if (const size_t length = strlen(name);
        strncmp(path, name, length) == 0 && (path[length] == '\0' || strcmp(path + length, DLSUFFIX) == 0))
      return true;
  return false;
}

// PostgreSQL compares files in the same way (internal_load_library in utils/fmgr/dfmgr.c), and adds a suffix if there
// is no such file without.
bool is_own_file(const char *path) {
  Dl_info own;
  struct stat own_status;
  struct stat status;
  if (!is_absolute_path(path) || dladdr(library_names, &own) == 0 || stat(own.dli_fname, &own_status) != 0)
    return false;
  if (stat(path, &status) != 0 && stat(psprintf("%s%s", path, DLSUFFIX), &status) != 0)
    return false;
  return status.st_dev == own_status.st_dev && status.st_ino == own_status.st_ino;
}

constexpr GuardedSetting settings[] = {
    {"schema_guard.mode", lowers_mode},
    {"schema_guard.four_eyes", switches_off},
    {"schema_guard.protect_databases", ends_protection},
    {"schema_guard.debug_sensors", ends_sensors},
    {"session_preload_libraries", unloads},
    {"shared_preload_libraries", unloads},
    {"dynamic_library_path", redirects},
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
    if (has_library_name(path) || is_own_file(path))
      return true;
  }
  return false;
}

} // namespace schema_guard
