// The standing policy of this database, as judge() asks for it.
#pragma once

#include "core/verdict.hpp"

namespace schema_guard {

// Where several rows match, the one with the most literal characters in its pattern decides; among equals one that
// names a role, then the strictest.
class LivePolicy final : public Policy {
public:
  std::optional<Action> action(const Effect &effect) override;
};

// Kept for the session until a change of the table makes it stale. Called once, from _PG_init.
void watch_policy();

} // namespace schema_guard
