// The effects of dropping things.
#pragma once

#include "core/effect.hpp"

namespace schema_guard {

// The objects that a statement drops by itself, and which of them it does not name.
struct DroppedTargets {
  explicit DroppedTargets(Arena &arena) : list(arena), implied(arena) {}

  Vector<Address> list;
  Map<Address, bool> implied;

  void imply_from(std::size_t first) {
    for (std::size_t place = first; place < list.size(); ++place)
      implied.emplace(list[place], true);
  }
};

// A dropped column takes the same column of inheritance children along, all the way down: adds them to the columns
// from `first` on.
void add_inherited(Vector<Address> &targets, std::size_t first, Catalog &catalog);

// What goes with the targets. Sets result.refused if PostgreSQL is going to refuse it.
void add_removals(const DroppedTargets &targets, bool cascade, Catalog &catalog, Arena &arena, Effects &result);

} // namespace schema_guard
