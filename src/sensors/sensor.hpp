// The names of the sensors, as the audit has them, and how those that are hooks are put in place.
#pragma once

namespace schema_guard {

namespace sensor {
constexpr const char *event_trigger = "event_trigger";
constexpr const char *object_access = "object_access";
constexpr const char *utility = "utility";
constexpr const char *catalog_rows = "catalog_rows";
constexpr const char *row_protection = "row_protection";
constexpr const char *transaction_end = "transaction_end";
// Ring 2 did not see all that ring 1 had foreseen; the stricter one has been obeyed.
constexpr const char *event_trigger_unconfirmed = "event_trigger, not confirmed by object_access";
} // namespace sensor

// Each puts its hook in place, in front of whatever is there. Called once, from _PG_init.
void watch_object_access();
void watch_utility_statements();
void watch_catalog_rows();
void watch_transactions();

} // namespace schema_guard
