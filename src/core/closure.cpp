#include "core/closure.hpp"

namespace schema_guard {

namespace {

// Which flag of the dependent each kind of dependency sets, and whether it makes the other end its owner.
struct DependencyMeaning {
  DependencyKind kind;
  bool ClosureEntry::*flag;
  bool owner_goes_too; // dropping the dependent means dropping what it depends on
};

constexpr DependencyMeaning meanings[] = {
    {DependencyKind::normal, &ClosureEntry::normal, false},
    {DependencyKind::automatic, &ClosureEntry::automatic, false},
    {DependencyKind::automatic_extension, &ClosureEntry::attached, false},
    {DependencyKind::internal, &ClosureEntry::internal, true},
    {DependencyKind::extension, &ClosureEntry::automatic, true},
    {DependencyKind::partition_primary, &ClosureEntry::partition, false},
    {DependencyKind::partition_secondary, &ClosureEntry::partition, false},
};

// A kind that a later PostgreSQL invents counts as normal: it is then never taken for granted.
const DependencyMeaning &meaning(DependencyKind kind) {
  for (const DependencyMeaning &row : meanings)
    if (row.kind == kind)
      return row;
  return meanings[0];
}

class Walk {
public:
  Walk(Closure &closure, Catalog &catalog, Arena &arena)
      : closure_(closure), catalog_(catalog), found_(arena), owners_of_named_(arena) {}

  void add(const Address &address, bool ClosureEntry::*flag) {
    auto [place, added] = closure_.places.emplace(address, closure_.entries.size());
    if (added)
      closure_.entries.push_back({.address = address});
    closure_.entries[place->second].*flag = true;
  }

  // Entries are appended while the list is walked, so each is visited once and depth costs no stack.
  void run() {
    for (std::size_t place = 0; place < closure_.entries.size(); ++place) {
      visit_owners(place);
      visit_dependents(closure_.entries[place]);
    }
    for (const Address &owner : owners_of_named_)
      closure_.refused |= !closure_.covers(owner);
  }

private:
  void visit_owners(std::size_t place) {
    const ClosureEntry entry = closure_.entries[place];
    found_.clear();
    catalog_.owners(entry.address, found_);
    for (const Dependency &owner : found_) {
      // A column of a partition key is a part of its table, and can't go without it.
      if (owner.object == entry.address.whole() && owner.kind != DependencyKind::internal)
        continue;
      const DependencyMeaning &row = meaning(owner.kind);
      if (row.flag == &ClosureEntry::partition) {
        closure_.entries[place].needs_partition = true;
        continue;
      }
      if (!row.owner_goes_too || closure_.covers(owner.object))
        continue;
      // PostgreSQL refuses to drop a part by name, unless another target takes its owner. Reached by a cascade, the
      // part takes its owner along.
      if (entry.named)
        owners_of_named_.push_back(owner.object);
      else
        add(owner.object, &ClosureEntry::reverse);
    }
  }

  // By value: entries move when the list grows.
  void visit_dependents(ClosureEntry entry) {
    found_.clear();
    catalog_.dependents(entry.address, found_);
    for (const Dependency &dependent : found_) {
      if (dependent.object.whole() == entry.address)
        continue;
      bool ClosureEntry::*flag = meaning(dependent.kind).flag;
      // What goes along with an inside, such as a TOAST table's index, is inside as well.
      if (flag == &ClosureEntry::automatic && entry.only_internal())
        flag = &ClosureEntry::internal;
      add(dependent.object, flag);
    }
  }

  Closure &closure_;
  Catalog &catalog_;
  Vector<Dependency> found_;
  Vector<Address> owners_of_named_; // of targets that are parts
};

} // namespace

Closure close(const Vector<Address> &targets, bool cascade, Catalog &catalog, Arena &arena) {
  Closure closure(arena);
  Walk walk(closure, catalog, arena);
  for (const Address &target : targets)
    walk.add(target, &ClosureEntry::named);
  walk.run();

  for (const ClosureEntry &entry : closure.entries) {
    const bool part_of_entry = entry.address.sub_id != 0 && closure.contains(entry.address.whole());
    if (entry.needs_partition && !entry.partition && !part_of_entry)
      closure.refused = true;
    if (!cascade && !entry.named && !entry.owned() && !entry.partition && !part_of_entry)
      closure.refused = true;
  }
  return closure;
}

} // namespace schema_guard
