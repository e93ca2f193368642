#include "core/effect.hpp"

#include "core/alteration.hpp"
#include "core/removal.hpp"

namespace schema_guard {

namespace {

void add_guard_changes(const Vector<Address> &changed, Catalog &catalog, Effects &result) {
  for (const Address &address : changed) {
    const ObjectFacts facts = catalog.facts(address);
    if (!facts.guards_itself)
      continue;
    Effect effect{.rule = RuleId::guard_tampering, .kind = facts.kind, .address = address};
    effect.description = catalog.describe(address, facts.kind);
    result.list.push_back(effect);
  }
}

// The targets of a statement, found and sorted by what happens to them.
struct Found {
  explicit Found(Arena &arena) : dropped(arena), truncated(arena), changed(arena), altered(arena) {}

  struct Altered {
    const Target *target;
    Address address;
  };

  DroppedTargets dropped;
  Vector<Truncated> truncated;
  Vector<Address> changed;
  Vector<Altered> altered;
};

// ALTER TYPE … ATTRIBUTE without CASCADE, with tables that are typed by it.
bool leaves_typed_tables_behind(const Target &target, const Address &address, Catalog &catalog, Arena &arena) {
  if (target.recurse || address.sub_id == 0 || catalog.facts(address).kind != ObjectKind::attribute)
    return false;
  Vector<Address> columns(arena);
  catalog.inherited_columns(address, InheritedColumns::all, columns);
  return !columns.empty();
}

void add_truncated(const Target &target, const Address &table, Catalog &catalog, Arena &arena,
                   Vector<Truncated> &found) {
  found.push_back({table});
  if (!target.recurse)
    return;
  Vector<Address> below(arena);
  catalog.descendants(table, below);
  for (const Address &each : below)
    found.push_back({each, true});
}

void sort_target(const Target &target, const Address &address, Catalog &catalog, Arena &arena, Found &found) {
  const std::size_t first = found.dropped.list.size();
  switch (target.deed) {
  case Deed::drop:
    found.dropped.list.push_back(address);
    if (target.recurse && address.sub_id != 0)
      add_inherited(found.dropped.list, first, catalog);
    found.dropped.imply_from(first + 1);
    break;
  case Deed::drop_owned:
    catalog.owned_by(address, found.dropped.list);
    found.dropped.imply_from(first);
    break;
  case Deed::truncate:
    add_truncated(target, address, catalog, arena, found.truncated);
    break;
  case Deed::change:
    found.changed.push_back(address);
    break;
  case Deed::change_owned:
    catalog.owned_by(address, found.changed);
    break;
  default:
    found.altered.push_back({&target, address});
  }
}

// A table that is named twice, or beside its parent, is truncated once.
void remove_duplicates(Vector<Truncated> &list, Arena &arena) {
  Map<Address, std::size_t> seen(arena); // and where
  std::size_t kept = 0;
  for (std::size_t place = 0; place < list.size(); ++place) {
    const Truncated each = list[place];
    if (const auto [first, is_new] = seen.emplace(each.table, kept); is_new)
      list[kept++] = each;
    else
      list[first->second].cascaded &= each.cascaded;
  }
  while (list.size() > kept)
    list.pop_back();
}

void add_found(Found &found, bool cascade, Catalog &catalog, Arena &arena, Effects &result) {
  if (!result.refused)
    add_removals(found.dropped, cascade, catalog, arena, result);
  if (!result.refused && !found.truncated.empty()) {
    remove_duplicates(found.truncated, arena);
    add_truncations(found.truncated, cascade, catalog, arena, result);
  }
  for (const Found::Altered &altered : found.altered)
    add_alteration(*altered.target, altered.address, catalog, arena, result);
  add_guard_changes(found.changed, catalog, result);
}

// Ring 2 sees whatever is dropped, emptied or converted. The rest would go unseen.
void keep_unseen(Effects &result) {
  for (const Effect &effect : result.list)
    if (!effect.harmless && effect.deed != Deed::drop && effect.deed != Deed::truncate && effect.deed != Deed::convert)
      result.unless_refused.push_back(effect);
}

// Such a statement without an effect, as with IF EXISTS, is nothing to be judged.
bool takes_something_away(const Command &command) {
  for (const Target &target : command.targets)
    if (target.deed == Deed::drop || target.deed == Deed::drop_owned || target.deed == Deed::truncate)
      return true;
  return false;
}

} // namespace

Effects effects(const Command &command, Catalog &catalog, Arena &arena) {
  Effects result(arena);
  Found found(arena);

  for (const Target &target : command.targets) {
    const Resolution resolution = catalog.resolve(target);
    const bool only_a_change = target.deed == Deed::change || target.deed == Deed::change_owned;
    // What the role may not change is no news; the rest of the statement is judged all the same.
    if (resolution.status == Resolution::Status::missing ||
        (only_a_change && resolution.status == Resolution::Status::refused))
      continue;
    if (resolution.status == Resolution::Status::refused ||
        leaves_typed_tables_behind(target, resolution.address, catalog, arena))
      result.refused = true;
    if (resolution.address.valid())
      sort_target(target, resolution.address, catalog, arena, found);
  }

  add_found(found, command.cascade, catalog, arena, result);
  if (result.refused) {
    keep_unseen(result);
    result.list.clear();
    result.converted.clear();
  } else if (result.list.empty() && !takes_something_away(command))
    result.list.push_back({.description = {.object_type = "command", .identity = command.tag, .path = command.tag}});
  return result;
}

} // namespace schema_guard
