#include "pg/compat.hpp"
#include "pg/extension.hpp"
#include "pg/settings.hpp"
#include "policy/live_policy.hpp"
#include "sensors/sensor.hpp"

extern "C" {
SCHEMA_GUARD_MODULE_MAGIC;
void _PG_init(void);
}

void _PG_init(void) {
  using namespace schema_guard;
  define_settings();
  watch_guard_objects();
  watch_policy();
  watch_transactions();
  watch_object_access();
  watch_utility_statements();
  watch_catalog_rows();
}
