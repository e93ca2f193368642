// What the tests of close() share: a database to describe, and words for asking.
#pragma once

#include "core/closure.hpp"
#include "fake_catalog.hpp"
#include "heap_arena.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

namespace schema_guard::test {

class ClosureTest : public ::testing::Test {
protected:
  Closure drop(std::initializer_list<Address> targets, bool cascade) {
    Vector<Address> list(arena);
    for (const Address &target : targets)
      list.push_back(target);
    return close(list, cascade, catalog, arena);
  }
  Closure cascade(std::initializer_list<Address> targets) { return drop(targets, true); }
  Closure restricted(std::initializer_list<Address> targets) { return drop(targets, false); }

  static std::vector<Address> addresses(const Closure &closure) {
    std::vector<Address> result;
    for (const ClosureEntry &entry : closure.entries)
      result.push_back(entry.address);
    return result;
  }

  static const ClosureEntry &entry(const Closure &closure, const Address &address) {
    const auto place = closure.places.find(address);
    if (place == closure.places.end())
      std::abort();
    return closure.entries[place->second];
  }

  HeapArena arena;
  FakeCatalog catalog;
};

} // namespace schema_guard::test
