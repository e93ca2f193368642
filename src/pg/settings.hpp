// The settings, schema_guard.*. A session can make itself stricter with them, never laxer: mode and four_eyes are
// a superuser's.
#pragma once

#include "core/verdict.hpp"

namespace schema_guard {

// Defines the settings. Called once, from _PG_init.
void define_settings();

GuardMode mode();
bool rehearse();
bool four_eyes();
// The token as the session gave it; empty if none.
std::string_view approval_token();

} // namespace schema_guard
