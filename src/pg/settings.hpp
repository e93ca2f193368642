// The settings, schema_guard.*. A session can make itself stricter with them, never laxer: mode, four_eyes,
// protect_databases and debug_sensors are a superuser's.
#pragma once

#include "core/verdict.hpp"

#include <optional>

namespace schema_guard {

// Defines the settings. Called once, from _PG_init.
void define_settings();

// The names of the modes, in whatever case. Nothing for what is none, or null.
std::optional<GuardMode> mode_named(const char *name);
const char *mode_name(GuardMode mode);

GuardMode mode();
bool rehearse();
bool four_eyes();
// The databases that DROP DATABASE needs an approval for, as a list of names; "*" is all of them.
const char *protected_databases();
bool is_protected_database(const char *name);
// The sensors that can be tried alone; see schema_guard.debug_sensors.
enum class Sensor : std::uint8_t { event_trigger, object_access, utility };
bool is_at_work(Sensor sensor);
// The token as the session gave it; empty if none.
std::string_view approval_token();

} // namespace schema_guard
