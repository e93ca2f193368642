// Ring 1, as the other rings see it.
#pragma once

namespace schema_guard {

// True if both of the guard's event triggers are there and will run in this session. False if somebody has disabled or
// dropped one of them, or all event triggers are switched off.
bool event_triggers_work();

} // namespace schema_guard
