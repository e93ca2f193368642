#include "core/alteration.hpp"

namespace schema_guard {

namespace {

void add_effect(RuleId rule, Deed deed, const Address &address, const ObjectFacts &facts, bool cascaded,
                Catalog &catalog, Effects &result) {
  Effect effect{.rule = rule, .deed = deed, .kind = facts.kind, .cascaded = cascaded, .address = address};
  effect.description = catalog.describe(address, facts.kind);
  result.list.push_back(effect);
}

// The rule for a deed, by the kind of object that it is done to; none if it takes nothing from anybody.
std::optional<RuleId> alteration_rule(Deed deed, ObjectKind kind) {
  const bool is_table = kind == ObjectKind::table;
  switch (deed) {
  case Deed::write_rows:
    return RuleId::change_catalog;
  case Deed::become_view:
    return is_table ? std::optional(RuleId::drop_table) : std::nullopt;
  case Deed::detach:
    return RuleId::detach_partition;
  case Deed::set_unlogged:
    return is_table ? std::optional(RuleId::set_unlogged) : std::nullopt;
  case Deed::move:
    return is_table ? std::optional(RuleId::move_schema) : std::nullopt;
  case Deed::rename:
    if (is_table)
      return RuleId::rename_table;
    if (kind == ObjectKind::column || kind == ObjectKind::attribute)
      return RuleId::rename_column;
    if (kind == ObjectKind::database) // which takes it off the list of those that are protected
      return RuleId::drop_database;
    return kind == ObjectKind::schema ? std::optional(RuleId::move_schema) : std::nullopt;
  default:
    return std::nullopt;
  }
}

// From the column's present type, step by step, to the new one: the one given, or the one that the last step names.
Retention retention_of(const Conversion &conversion, const ColumnType &present, const ColumnType *becomes,
                       Catalog &catalog) {
  if (!conversion.of_the_column)
    return Retention::unknown;
  ColumnType type = present;
  Retention result = Retention::everything;
  for (const ConversionStep &step : conversion.steps) {
    if (step.type == nullptr) {
      type = at_utc(catalog.types().base_type(type));
      if (type.type == 0)
        return Retention::unknown;
      continue;
    }
    const bool is_given = becomes != nullptr && &step == &conversion.steps.back();
    const std::optional<ColumnType> next = is_given ? *becomes : catalog.named_type(step.type);
    if (!next)
      return Retention::refused;
    const Retention kept = retention(type, *next, step.is_explicit, catalog.types());
    if (kept == Retention::refused)
      return kept;
    if (kept == Retention::unknown)
      result = kept;
    type = *next;
  }
  return result;
}

// A column and, unless ONLY is said, those of inheritance children, each once.
Vector<Address> with_children(const Target &target, const Address &column, Catalog &catalog, Arena &arena) {
  Vector<Address> columns(arena);
  Map<Address, bool> seen(arena); // by another parent
  columns.push_back(column);
  std::size_t kept = 0;
  for (std::size_t place = 0; place < columns.size(); ++place) {
    const Address each = columns[place];
    if (!seen.emplace(each, true).second)
      continue;
    columns[kept++] = each;
    if (target.recurse)
      catalog.inherited_columns(each, InheritedColumns::all, columns);
  }
  while (columns.size() > kept)
    columns.pop_back();
  return columns;
}

void add_conversion(const Target &target, const Address &column, Catalog &catalog, Arena &arena, Effects &result) {
  const std::optional<ColumnType> present = catalog.column_type(column);
  if (!present)
    return;
  const Retention kept = retention_of(*target.conversion, *present, nullptr, catalog);
  result.refused |= kept == Retention::refused || (kept == Retention::unknown && catalog.type_is_pinned(column));
  if (result.refused)
    return;

  const Vector<Address> columns = with_children(target, column, catalog, arena);
  for (std::size_t place = 0; place < columns.size(); ++place) {
    const Address each = columns[place];
    if (const std::optional<ColumnType> type = catalog.column_type(each); type)
      result.converted.push_back({each, *type, kept == Retention::unknown});
    if (kept == Retention::everything)
      continue;
    const ObjectFacts facts = catalog.facts(each);
    // A composite type's attribute has values only in the tables that are typed by it.
    if (facts.kind == ObjectKind::column && !facts.temporary && !facts.created_here && !facts.guards_itself)
      add_effect(RuleId::lossy_type_change, Deed::convert, each, facts, place > 0, catalog, result);
  }
}

} // namespace

bool may_lose(const Conversion &conversion, const ColumnType &from, const ColumnType &to, Catalog &catalog) {
  return retention_of(conversion, from, &to, catalog) != Retention::everything;
}

namespace {

// All of them, what their foreign keys bring along last. False if PostgreSQL refuses: it leaves no rows behind whose
// keys refer to nothing.
bool add_referencing(Vector<Address> &tables, bool cascade, Catalog &catalog) {
  const std::size_t before = tables.size();
  catalog.referencing(tables, tables);
  if (tables.size() > before && !cascade)
    return false;
  for (std::size_t size = before; tables.size() > size;) {
    size = tables.size();
    catalog.referencing(tables, tables);
  }
  for (std::size_t place = before; place < tables.size(); ++place)
    if (!catalog.may_truncate(tables[place]))
      return false;
  return true;
}

} // namespace

void add_truncations(const Vector<Truncated> &truncated, bool cascade, Catalog &catalog, Arena &arena,
                     Effects &result) {
  Vector<Address> tables(arena);
  for (const Truncated &each : truncated)
    tables.push_back(each.table);
  if (!add_referencing(tables, cascade, catalog)) {
    result.refused = true;
    return;
  }
  Vector<Effect> found(arena);
  bool any_matters = false;
  for (std::size_t place = 0; place < tables.size(); ++place) {
    Effect effect;
    const bool matters = effect_on(tables[place], Deed::truncate, catalog, effect);
    // Rows that come before TRUNCATE has its lock are seen then, by ring 2.
    effect.harmless = !matters || (effect.rule == RuleId::truncate_table && catalog.is_empty(tables[place]));
    effect.cascaded = place >= truncated.size() || truncated[place].cascaded;
    any_matters |= !effect.harmless;
    found.push_back(effect);
  }
  // Beside what matters, nobody need approve of what doesn't.
  for (const Effect &effect : found)
    if (!any_matters || !effect.harmless)
      result.list.push_back(effect);
}

namespace {

// The sequence is a part of the column, which stays.
void add_identity(const Address &column, Catalog &catalog, Arena &arena, Effects &result) {
  Vector<Dependency> parts(arena);
  catalog.dependents(column, parts);
  for (const Dependency &part : parts) {
    const ObjectFacts facts = catalog.facts(part.object);
    if (part.kind == DependencyKind::internal && facts.kind == ObjectKind::sequence && !facts.temporary &&
        !facts.created_here)
      add_effect(RuleId::drop_sequence, Deed::drop, part.object, facts, true, catalog, result);
  }
}

} // namespace

void add_alteration(const Target &target, const Address &address, Catalog &catalog, Arena &arena, Effects &result) {
  if (target.deed == Deed::convert) {
    add_conversion(target, address, catalog, arena, result);
    return;
  }
  if (target.deed == Deed::drop_identity) {
    add_identity(address, catalog, arena, result);
    return;
  }
  const ObjectFacts facts = catalog.facts(address);
  // What is the guard's own is told of as a change to the guard.
  if (facts.temporary || facts.created_here || facts.guards_itself)
    return;
  if (facts.kind == ObjectKind::attribute && !facts.holds_data)
    return;
  if (const std::optional<RuleId> rule = alteration_rule(target.deed, facts.kind); rule)
    add_effect(*rule, target.deed, address, facts, false, catalog, result);
}

} // namespace schema_guard
