// What the tests of effects() share: statements, and their effects in a few words.
#pragma once

#include "core/effect.hpp"
#include "fake_catalog.hpp"
#include "heap_arena.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <initializer_list>
#include <string>
#include <vector>

namespace schema_guard::test {

class EffectTest : public ::testing::Test {
protected:
  // One name in a statement, and what the catalog makes of it.
  struct Name {
    Resolution::Status status;
    Address address;
    bool recurse = true;
  };
  static Name found(const Address &address) { return {Resolution::Status::found, address}; }
  static Name only(const Address &address) { return {Resolution::Status::found, address, false}; }
  static Name missing() { return {Resolution::Status::missing, {}}; }
  static Name refused() { return {Resolution::Status::refused, {}}; }

  Effects run(Deed deed, std::initializer_list<Name> names, bool cascade = false) {
    Command command(arena, "SOME COMMAND");
    command.cascade = cascade;
    add_targets(command, names, deed);
    return effects(command, catalog, arena);
  }
  void add_targets(Command &command, std::initializer_list<Name> names, Deed deed) {
    for (const Name &name : names) {
      resolutions.push_back({name.status, name.address});
      command.targets.push_back(FakeCatalog::target(resolutions.back()));
      command.targets.back().recurse = name.recurse;
      command.targets.back().deed = deed;
    }
  }
  // A statement that changes some objects, and perhaps drops others.
  Effects change(std::initializer_list<Name> changed, std::initializer_list<Name> dropped = {}) {
    Command command(arena, "SOME COMMAND");
    add_targets(command, dropped, Deed::drop);
    add_targets(command, changed, Deed::change);
    return effects(command, catalog, arena);
  }
  Effects drop(std::initializer_list<Name> names) { return run(Deed::drop, names); }
  Effects drop_cascade(std::initializer_list<Name> names) { return run(Deed::drop, names, true); }

  // Such as "drop_table orders" and, for what the statement does not name, "drop_view totals by cascade".
  static std::vector<std::string> words(const Effects &effects) {
    std::vector<std::string> result;
    for (const Effect &effect : effects.list) {
      std::string text(rule(effect.rule).name);
      text.append(" ").append(effect.description.identity);
      if (effect.cascaded)
        text.append(" by cascade");
      result.push_back(text);
    }
    return result;
  }
  using Words = std::vector<std::string>;

  HeapArena arena;
  FakeCatalog catalog;
  std::deque<Resolution> resolutions; // where the commands' targets point to
};

} // namespace schema_guard::test
