#include "core/removal.hpp"

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
  case ObjectKind::primary_key:
    return RuleId::drop_primary_key;
  case ObjectKind::large_object:
    return RuleId::drop_large_object;
  case ObjectKind::database:
    return RuleId::drop_database;
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
  case ObjectKind::setting:
  case ObjectKind::other:
    break;
  }
  return RuleId::drop_other;
}

// False if nobody could miss anything.
bool rule_on(const Address &address, Deed deed, const ObjectFacts &facts, Effect &effect) {
  effect.address = address;
  effect.deed = deed;
  effect.kind = facts.kind;
  effect.rule = deed == Deed::truncate  ? RuleId::truncate_table
                : deed == Deed::convert ? RuleId::lossy_type_change
                                        : drop_rule(facts.kind);
  if (facts.kind == ObjectKind::attribute && !facts.holds_data)
    effect.rule = RuleId::drop_other;
  if (facts.guards_itself)
    effect.rule = RuleId::guard_tampering;
  return !facts.temporary && !facts.created_here;
}

// Nobody else can have put anything into these, nor made anything that depends on them. What of an older table may
// depend on them by now, ring 2 sees when it goes.
bool all_harmless(const DroppedTargets &targets, Catalog &catalog) {
  for (const Address &target : targets.list) {
    const ObjectFacts facts = catalog.facts(target);
    // A new schema may have got old tables.
    if ((!facts.created_here && !facts.temporary) || facts.kind == ObjectKind::schema)
      return false;
  }
  return true;
}

void add_harmless_drops(const DroppedTargets &targets, Catalog &catalog, Effects &result) {
  for (const Address &target : targets.list) {
    const ObjectKind kind = catalog.facts(target).kind;
    Effect effect{.rule = drop_rule(kind), .deed = Deed::drop, .kind = kind, .harmless = true, .address = target};
    effect.description = catalog.describe(target, ObjectKind::none); // without its size
    result.list.push_back(effect);
  }
}

// As PostgreSQL's own notices: what was reached as a part as well is not worth a word.
bool is_mentioned(const ClosureEntry &entry) {
  return entry.named || entry.reverse || (entry.normal && !entry.owned() && !entry.partition);
}

void add_drops(const DroppedTargets &targets, bool cascade, Catalog &catalog, Arena &arena, Effects &result) {
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
    if (!rule_on(entry.address, Deed::drop, facts, effect))
      continue;
    effect.cascaded = !entry.named || targets.implied.find(entry.address) != targets.implied.end();
    effect.description = catalog.describe(entry.address, facts.kind);
    result.list.push_back(effect);
  }
}

} // namespace

// A dropped column takes the same column of inheritance children along, all the way down.
void add_inherited(Vector<Address> &targets, std::size_t first, Catalog &catalog) {
  for (std::size_t place = first; place < targets.size(); ++place) {
    const Address column = targets[place];
    if (column.sub_id != 0)
      catalog.inherited_columns(column, InheritedColumns::dropped_along, targets);
  }
}

void add_removals(const DroppedTargets &targets, bool cascade, Catalog &catalog, Arena &arena, Effects &result) {
  if (targets.list.empty())
    return;
  if (!all_harmless(targets, catalog))
    add_drops(targets, cascade, catalog, arena, result);
  if (result.list.empty() && !result.refused)
    add_harmless_drops(targets, catalog, result);
}

Effects effects_of_ending(const Vector<Address> &targets, Catalog &catalog, Arena &arena) {
  Effects result(arena);
  const Closure closure = close(targets, true, catalog, arena);
  for (const ClosureEntry &entry : closure.entries) {
    if (entry.address.sub_id != 0 ? closure.contains(entry.address.whole()) : entry.only_internal())
      continue;
    const ObjectFacts facts = catalog.facts(entry.address);
    if (facts.temporary || !holds_rows(facts.kind) || !facts.holds_data)
      continue;
    Effect effect{.rule = drop_rule(facts.kind),
                  .deed = Deed::drop,
                  .kind = facts.kind,
                  .cascaded = true,
                  .address = entry.address};
    effect.description = catalog.describe(entry.address, facts.kind);
    result.list.push_back(effect);
  }
  return result;
}

bool effect_on(const Address &address, Deed deed, Catalog &catalog, Effect &effect) {
  const ObjectFacts facts = catalog.facts(address);
  const bool matters = rule_on(address, deed, facts, effect);
  // Without its size, which takes longer to find, where nobody asks for it.
  effect.description = catalog.describe(address, matters ? facts.kind : ObjectKind::none);
  return matters;
}

} // namespace schema_guard
