// Everything that goes when some objects are dropped.
//
// Promise: at least what PostgreSQL's own deletion would take (findDependentObjects in catalog/dependency.c,
// PostgreSQL 15), found without a lock. Where the two could differ, this set is the larger.
#pragma once

#include "core/catalog.hpp"

namespace schema_guard {

struct ClosureEntry {
  Address address;
  bool named = false;     // by the statement itself
  bool normal = false;    // reached over a normal dependency: only CASCADE takes it
  bool reverse = false;   // taken because a part of it goes
  bool internal = false;  // reached as a part of something else that goes, which it can't be without
  bool automatic = false; // reached as something that goes along silently
  bool attached = false;  // reached as something made to depend on an extension
  bool partition = false; // reached over a partition dependency
  bool needs_partition = false;

  bool owned() const { return internal || automatic || attached; }
  // Nothing but the inside of another entry, such as a TOAST table or a constraint's index.
  bool only_internal() const {
    return internal && !named && !normal && !reverse && !automatic && !attached && !partition;
  }
};

struct Closure {
  explicit Closure(Arena &arena) : entries(arena), places(arena) {}

  // PostgreSQL will refuse the drop: something else requires a target, or RESTRICT meets a dependent.
  bool refused = false;
  Vector<ClosureEntry> entries;
  Map<Address, std::size_t> places;

  bool contains(const Address &address) const { return places.find(address) != places.end(); }
  // True if the address itself, or the whole object of which it is a column, is in the closure.
  bool covers(const Address &address) const {
    return contains(address) || (address.sub_id != 0 && contains(address.whole()));
  }
};

// The closure of `targets`. Returns the closure on `arena`.
Closure close(const Vector<Address> &targets, bool cascade, Catalog &catalog, Arena &arena);

} // namespace schema_guard
