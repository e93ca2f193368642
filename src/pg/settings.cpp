#include "pg/settings.hpp"

#include "pg/compat.hpp"
#include "pg/pg.hpp"

#include <iterator>

extern "C" {
#include "access/parallel.h"
#include "nodes/pg_list.h"
#include "utils/guc.h"
#include "utils/varlena.h"
}

namespace schema_guard {

namespace {

int mode_setting = static_cast<int>(GuardMode::enforce);
bool rehearse_setting = false;
bool four_eyes_setting = true;
char *approval_token_setting = nullptr;
char *protect_databases_setting = nullptr;
char *debug_sensors_setting = nullptr;

constexpr const char *sensor_names[] = {"event_trigger", "object_access", "utility"};
constexpr int all_sensors = (1 << std::size(sensor_names)) - 1;
int sensors_at_work = all_sensors;

const config_enum_entry mode_options[] = {
    {"enforce", static_cast<int>(GuardMode::enforce), false},
    {"warn", static_cast<int>(GuardMode::warn), false},
    {"observe", static_cast<int>(GuardMode::observe), false},
    {"off", static_cast<int>(GuardMode::off), false},
    {nullptr, 0, false},
};

// A parallel worker only takes over what its leader has.
bool is_set_by_somebody() { return IsTransactionState() && !IsParallelWorker() && !InitializingParallelWorker; }

// Turning the guard down in a session is a superuser's right, and stays visible in the server log.
void mode_assigned(int new_mode, void *) {
  if (new_mode > mode_setting && is_set_by_somebody())
    ereport(LOG_SERVER_ONLY, errmsg("schema_guard: mode changed from %s to %s", mode_name(mode()),
                                    mode_name(static_cast<GuardMode>(new_mode))));
}

void four_eyes_assigned(bool on, void *) {
  if (four_eyes_setting && !on && is_set_by_somebody())
    ereport(LOG_SERVER_ONLY, errmsg("schema_guard: four_eyes changed from on to off"));
}

// The names in the list, in the current memory context; false if it is no list of names.
bool split_names(const char *list, List **names) { return SplitIdentifierString(pstrdup(list), ',', names); }

bool is_list_of_names(char **list, void **, GucSource) {
  List *names = NIL;
  if (split_names(*list, &names))
    return true;
  GUC_check_errdetail("List syntax is invalid.");
  return false;
}

// The sensors in the list as bits; -1 if it is no such list.
int read_sensors(const char *list) {
  List *names = NIL;
  if (!split_names(list, &names))
    return -1;
  int sensors = 0;
  const ListCell *cell = nullptr;
  foreach (cell, names) {
    const auto *name = static_cast<const char *>(lfirst(cell));
    int found = strcmp(name, "all") == 0 ? all_sensors : 0;
    for (std::size_t place = 0; place < std::size(sensor_names); ++place)
      if (strcmp(name, sensor_names[place]) == 0)
        found = 1 << place;
    if (found == 0)
      return -1;
    sensors |= found;
  }
  return sensors;
}

// The assign hook must not fail, so the check leaves it what it needs.
bool is_list_of_sensors(char **list, void **extra, GucSource) {
  const int sensors = read_sensors(*list);
  if (sensors <= 0) {
    GUC_check_errdetail("The sensors are: all, event_trigger, object_access, utility.");
    return false;
  }
  *extra = compat::setting_memory(sizeof(int));
  if (*extra == nullptr)
    return false;
  *static_cast<int *>(*extra) = sensors;
  return true;
}

void sensors_assigned(const char *list, void *extra) {
  sensors_at_work = extra == nullptr ? all_sensors : *static_cast<int *>(extra);
  if (sensors_at_work != all_sensors && is_set_by_somebody())
    ereport(LOG_SERVER_ONLY, errmsg("schema_guard: debug_sensors changed to \"%s\"", list));
}

void protection_assigned(const char *list, void *) {
  if (protect_databases_setting != nullptr && is_set_by_somebody() && strcmp(list, protect_databases_setting) != 0)
    ereport(LOG_SERVER_ONLY,
            errmsg("schema_guard: protect_databases changed from \"%s\" to \"%s\"", protect_databases_setting, list));
}

} // namespace

void define_settings() {
  DefineCustomEnumVariable(
      "schema_guard.mode", "What happens to a statement that a rule blocks.",
      "enforce refuses it, warn lets it pass with a WARNING, observe only records it, off does nothing at all.",
      &mode_setting, static_cast<int>(GuardMode::enforce), mode_options, PGC_SUSET, 0, nullptr, mode_assigned, nullptr);
  DefineCustomBoolVariable("schema_guard.rehearse",
                           "Lets a transaction run and fails it at COMMIT, with one request for all its effects.",
                           "A transaction without data definition statements commits as usual.", &rehearse_setting,
                           false, PGC_USERSET, 0, nullptr, nullptr, nullptr);
  DefineCustomStringVariable("schema_guard.approval_token",
                             "The token that schema_guard.approve() returned, for the statements that need it.",
                             nullptr, &approval_token_setting, "", PGC_USERSET, GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE,
                             nullptr, nullptr, nullptr);
  DefineCustomBoolVariable("schema_guard.four_eyes", "Nobody approves a request of their own.", nullptr,
                           &four_eyes_setting, true, PGC_SUSET, 0, nullptr, four_eyes_assigned, nullptr);
  DefineCustomStringVariable("schema_guard.protect_databases",
                             "The databases that DROP DATABASE needs an approval for, as a list of names.",
                             "* stands for all of them.", &protect_databases_setting, "*", PGC_SUSET, GUC_LIST_INPUT,
                             is_list_of_names, protection_assigned, nullptr);
  DefineCustomStringVariable("schema_guard.debug_sensors",
                             "For tests: the sensors that are at work, so that each can be tried alone.", nullptr,
                             &debug_sensors_setting, "all", PGC_SUSET, GUC_LIST_INPUT | GUC_NOT_IN_SAMPLE,
                             is_list_of_sensors, sensors_assigned, nullptr);
  MarkGUCPrefixReserved("schema_guard");
}

std::optional<GuardMode> mode_named(const char *name) {
  for (const config_enum_entry *row = mode_options; name != nullptr && row->name != nullptr; ++row)
    if (pg_strcasecmp(name, row->name) == 0)
      return static_cast<GuardMode>(row->val);
  return std::nullopt;
}

const char *mode_name(GuardMode mode) {
  const config_enum_entry *row = mode_options;
  while (row->val != static_cast<int>(mode))
    ++row;
  return row->name;
}

GuardMode mode() { return static_cast<GuardMode>(mode_setting); }
bool rehearse() { return rehearse_setting; }
bool four_eyes() { return four_eyes_setting; }
bool is_at_work(Sensor sensor) { return (sensors_at_work & (1 << static_cast<int>(sensor))) != 0; }

const char *protected_databases() { return protect_databases_setting == nullptr ? "*" : protect_databases_setting; }

bool is_protected_database(const char *name) {
  List *names = NIL;
  if (!split_names(protected_databases(), &names))
    return true;
  const ListCell *cell = nullptr;
  foreach (cell, names)
    if (const char *each = static_cast<const char *>(lfirst(cell)); strcmp(each, "*") == 0 || strcmp(each, name) == 0)
      return true;
  return false;
}

std::string_view approval_token() { return approval_token_setting == nullptr ? "" : approval_token_setting; }

} // namespace schema_guard
