#include "core/effect.hpp"

#include "core/closure.hpp"

namespace schema_guard {

namespace {

RuleId drop_rule(ObjectKind kind) {
  switch (kind) {
  case ObjectKind::table:
    return RuleId::drop_table;
  case ObjectKind::column:
  case ObjectKind::attribute:
    return RuleId::drop_column;
  case ObjectKind::foreign_table:
    return RuleId::drop_foreign_table;
  case ObjectKind::view:
    return RuleId::drop_view;
  case ObjectKind::materialized_view:
    return RuleId::drop_materialized_view;
  case ObjectKind::sequence:
    return RuleId::drop_sequence;
  case ObjectKind::index:
    return RuleId::drop_index;
  case ObjectKind::constraint:
    return RuleId::drop_constraint;
  case ObjectKind::function:
    return RuleId::drop_function;
  case ObjectKind::type:
    return RuleId::drop_type;
  case ObjectKind::schema:
    return RuleId::drop_schema;
  case ObjectKind::extension:
    return RuleId::drop_extension;
  case ObjectKind::none:
  case ObjectKind::unstored_column:
  case ObjectKind::other:
    break;
  }
  return RuleId::drop_other;
}

bool rule_for_drop(const Address &address, const ObjectFacts &facts, Effect &effect) {
  if (facts.temporary || facts.created_here)
    return false;
  effect.address = address;
  effect.kind = facts.kind;
  effect.rule = drop_rule(facts.kind);
  if (facts.kind == ObjectKind::attribute && !facts.holds_data)
    effect.rule = RuleId::drop_other;
  if (facts.guards_itself)
    effect.rule = RuleId::guard_tampering;
  return true;
}

// The objects that a statement drops by itself, and which of them it does not name.
struct Targets {
  explicit Targets(Arena &arena) : list(arena), implied(arena) {}

  Vector<Address> list;
  Map<Address, bool> implied;

  void imply_from(std::size_t first) {
    for (std::size_t place = first; place < list.size(); ++place)
      implied.emplace(list[place], true);
  }
};

// Nobody else can have put anything into these, nor made anything that depends on them. What of an older table may
// depend on them by now, ring 2 sees when it goes.
bool all_harmless(const Targets &targets, Catalog &catalog) {
  for (const Address &target : targets.list) {
    const ObjectFacts facts = catalog.facts(target);
    if (!facts.created_here && !facts.temporary)
      return false;
  }
  return true;
}

void add_harmless_drops(const Targets &targets, Catalog &catalog, Effects &result) {
  for (const Address &target : targets.list) {
    const ObjectKind kind = catalog.facts(target).kind;
    Effect effect{.rule = drop_rule(kind), .kind = kind, .harmless = true, .address = target};
    effect.description = catalog.describe(target, ObjectKind::none); // without its size
    result.list.push_back(effect);
  }
}

// As PostgreSQL's own notices: what was reached as a part as well is not worth a word.
bool is_mentioned(const ClosureEntry &entry) {
  return entry.named || entry.reverse || (entry.normal && !entry.owned() && !entry.partition);
}

void add_drops(const Targets &targets, bool cascade, Catalog &catalog, Arena &arena, Effects &result) {
  const Closure closure = close(targets.list, cascade, catalog, arena);
  if (closure.refused) {
    result.refused = true;
    return;
  }
  for (const ClosureEntry &entry : closure.entries) {
    if (entry.address.sub_id != 0 && closure.contains(entry.address.whole()))
      continue;
    // The insides of PostgreSQL's own objects, TOAST tables and the indexes of constraints, hold no rows of anybody's,
    // and there are several to a table. (A generated column is inside its expression, but is not passed over.) Should
    // an extension make something else of it, ring 2 sees it go.
    if (entry.only_internal() && entry.address.sub_id == 0)
      continue;
    ObjectFacts facts = catalog.facts(entry.address);
    // A part goes without saying, but the rows of a partition are rows.
    if (!is_mentioned(entry) && !entry.attached && !holds_rows(facts.kind))
      continue;
    if (!holds_rows(facts.kind)) {
      const Address whole = catalog.whole_of(entry.address);
      if (!entry.named && whole.valid() && closure.covers(whole))
        continue;
      facts.guards_itself |= whole.valid() && catalog.facts(whole).guards_itself;
      // What was made to depend on an extension goes silently, but not if it is the guard's.
      if (!is_mentioned(entry) && !facts.guards_itself)
        continue;
    }
    Effect effect;
    if (!rule_for_drop(entry.address, facts, effect))
      continue;
    effect.cascaded = !entry.named || targets.implied.find(entry.address) != targets.implied.end();
    effect.description = catalog.describe(entry.address, facts.kind);
    result.list.push_back(effect);
  }
}

// A dropped column takes the same column of inheritance children along, all the way down.
void add_inherited(Vector<Address> &targets, std::size_t first, Catalog &catalog) {
  for (std::size_t place = first; place < targets.size(); ++place) {
    const Address column = targets[place];
    if (column.sub_id != 0)
      catalog.inherited_columns(column, targets);
  }
}

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

} // namespace

Effects effects(const Command &command, Catalog &catalog, Arena &arena) {
  Effects result(arena);
  Targets targets(arena);

  Vector<Address> changed(arena);

  for (const Target &target : command.targets) {
    const Resolution resolution = catalog.resolve(target);
    // What the role may not change is no news; the rest of the statement is judged all the same.
    if (resolution.status == Resolution::Status::missing ||
        (target.changed && resolution.status == Resolution::Status::refused))
      continue;
    if (resolution.status == Resolution::Status::refused) {
      result.refused = true;
      return result;
    }
    if (target.changed) {
      changed.push_back(resolution.address);
      continue;
    }
    const std::size_t first = targets.list.size();
    if (command.verb == Verb::drop_owned) {
      catalog.owned_by(resolution.address, targets.list);
      targets.imply_from(first);
      continue;
    }
    targets.list.push_back(resolution.address);
    if (target.recurse && resolution.address.sub_id != 0)
      add_inherited(targets.list, first, catalog);
    targets.imply_from(first + 1);
  }

  if (!targets.list.empty() && all_harmless(targets, catalog))
    add_harmless_drops(targets, catalog, result);
  else if (!targets.list.empty())
    add_drops(targets, command.cascade, catalog, arena, result);
  if (!result.refused)
    add_guard_changes(changed, catalog, result);
  if (command.verb == Verb::other && result.list.empty())
    result.list.push_back({.description = {.object_type = "command", .identity = command.tag, .path = command.tag}});
  return result;
}

Effects effects_of_ending(const Vector<Address> &targets, Catalog &catalog, Arena &arena) {
  Effects result(arena);
  const Closure closure = close(targets, true, catalog, arena);
  for (const ClosureEntry &entry : closure.entries) {
    if (entry.address.sub_id != 0 ? closure.contains(entry.address.whole()) : entry.only_internal())
      continue;
    const ObjectFacts facts = catalog.facts(entry.address);
    if (facts.temporary || !holds_rows(facts.kind))
      continue;
    Effect effect{.rule = drop_rule(facts.kind), .kind = facts.kind, .cascaded = true, .address = entry.address};
    effect.description = catalog.describe(entry.address, facts.kind);
    result.list.push_back(effect);
  }
  return result;
}

bool drop_effect(const Address &address, Catalog &catalog, Effect &effect) {
  const ObjectFacts facts = catalog.facts(address);
  if (!rule_for_drop(address, facts, effect))
    return false;
  effect.description = catalog.describe(address, facts.kind);
  return true;
}

} // namespace schema_guard
