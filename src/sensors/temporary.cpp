#include "sensors/temporary.hpp"

#include "core/verdict.hpp"
#include "pg/dependency_rows.hpp"
#include "pg/live_catalog.hpp"
#include "pg/memory.hpp"
#include "pg/settings.hpp"
#include "pg/sqlstate.hpp"
#include "policy/live_policy.hpp"
#include "sensors/guard.hpp"
#include "sensors/sensor.hpp"
#include "sensors/statement.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "storage/ipc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace schema_guard {

namespace {

// Of what a statement has touched, some may be gone by its end, such as the transient table of a rewrite.
Oid schema_of(const Address &object) {
  if (object.class_id == NamespaceRelationId)
    return object.object_id;
  if (!is_objectclass_supported(object.class_id))
    return InvalidOid;
  const int cache = get_object_catcache_oid(object.class_id);
  if (cache < 0 || !SearchSysCacheExists1(cache, ObjectIdGetDatum(object.object_id)))
    return InvalidOid;
  const ::ObjectAddress address{object.class_id, object.object_id, object.sub_id};
  return get_object_namespace(&address);
}

bool is_temporary(const Address &object) {
  const Oid schema = schema_of(object);
  return OidIsValid(schema) && isAnyTempNamespace(schema);
}

// What the object can't be without: `ground` takes `object`, or a column of it, along when it goes.
struct Tie {
  Address object;
  Address ground;
};

// What the object depends on, and its insides, with which the whole goes: a generated column's expression, a view's
// rule, an operator class's functions, and a type's attributes, which take the values of it along. Of nothing else the
// insides matter, and they would be few among many: all the columns of a type, all the members of an extension.
void find_ties(const Address &object, bool only_new, Arena &arena, Vector<Tie> &found) {
  Vector<DependencyRow> rows(arena);
  dependency_rows(object, DependencyEnd::depender, rows);
  for (const DependencyRow &row : rows)
    if (row.is_new || !only_new)
      found.push_back({row.depender, row.referenced});
  if (object.class_id == TypeRelationId) {
    const Oid relation = get_typ_typrelid(object.object_id);
    if (OidIsValid(relation) && !only_new) // a new attribute is one of the relation's
      found.push_back({object, {RelationRelationId, relation, 0}});
  }
  if (object.class_id != RelationRelationId && object.class_id != OperatorClassRelationId)
    return;
  rows.clear();
  dependency_rows(object, DependencyEnd::referenced, rows);
  for (const DependencyRow &row : rows)
    if (row.kind == DependencyKind::internal && (row.is_new || !only_new))
      found.push_back({row.referenced, row.depender});
}

// Walks down from one object after the other to what they depend on, directly or not. Where it has been without
// finding anything temporary it does not go again.
class Descent {
public:
  explicit Descent(Arena &arena) : arena_(arena), visited_(arena) {}

  // The first temporary object at the tie's ground or below; invalid if there is none. Insides lead back to the object
  // itself, which is not its own ground.
  Address temporary_below(const Tie &tie) {
    Vector<Address> places(arena_);
    Vector<Tie> ties(arena_);
    bool went_back = false;
    places.push_back(tie.ground);
    for (std::size_t next = 0; next < places.size(); ++next) {
      const Address place = places[next];
      if (place == tie.object || place == tie.object.whole()) {
        went_back = true;
        continue;
      }
      // PostgreSQL's own objects rest on nothing.
      if (place.object_id < FirstUnpinnedObjectId || !visited_.emplace(place, true).second)
        continue;
      if (is_temporary(place)) {
        visited_.clear();
        return place;
      }
      if (place.class_id == NamespaceRelationId)
        continue;
      ties.clear();
      find_ties(place, false, arena_, ties);
      for (const Tie &further : ties)
        places.push_back(further.ground);
    }
    if (went_back)
      visited_.clear(); // since not all of what is below has been seen
    return {};
  }

private:
  Arena &arena_;
  Map<Address, bool> visited_;
};

// The lasting tables and columns that go when the object does, itself among them.
Effects losses(const Address &object, LiveCatalog &catalog, Arena &arena) {
  Vector<Address> targets(arena);
  targets.push_back(object);
  return effects_of_ending(targets, catalog, arena);
}

void refuse(const Effects &effects, const Verdict &verdict, const Address &foundation, LiveCatalog &catalog) {
  const ObjectDescription lost = effects.list[verdict.deciding].description;
  const ObjectDescription temporary = catalog.describe(foundation, ObjectKind::none);
  const bool blocked = verdict.decision == Decision::blocked;
  ereport(blocked ? ERROR : WARNING, errcode(blocked ? sqlstate_blocked : ERRCODE_WARNING),
          errmsg("%s %s must not depend on a temporary object", c_string(lost.object_type), c_string(lost.identity)),
          errdetail("%s %s goes at the end of the session or the transaction, and would take it along.",
                    c_string(temporary.object_type), c_string(temporary.identity)),
          errhint("Make what it depends on a lasting object first."));
}

// The hooks tell of a column's default or expression by its column (StoreAttrDefault in catalog/pg_attrdef.c), and of a
// new parent by its child (StoreCatalogInheritance1 in commands/tablecmds.c).
Address as_object(const Address &changed) {
  if (changed.class_id == AttrDefaultRelationId)
    return {RelationRelationId, changed.object_id, changed.sub_id};
  if (changed.class_id == InheritsRelationId)
    return {RelationRelationId, changed.object_id, 0};
  return changed;
}

// Most of what a statement makes takes nothing along, or only rests on what is looked at anyway: a table's indexes and
// constraints, its row type, and the array type of any.
bool may_take_rows_along(const Address &object) {
  switch (object.class_id) {
  case RelationRelationId:
    return strchr("ISit", get_rel_relkind(object.object_id)) == nullptr;
  case TypeRelationId: {
    const Oid relation = get_typ_typrelid(object.object_id);
    return OidIsValid(relation) ? get_rel_relkind(relation) == RELKIND_COMPOSITE_TYPE
                                : !OidIsValid(get_element_type(object.object_id));
  }
  case ConstraintRelationId:
  case TriggerRelationId:
  case PolicyRelationId:
    return false;
  default:
    return true;
  }
}

void refuse_new_ties(const Vector<Address> &changed, LiveCatalog &catalog, Arena &arena) {
  Descent descent(arena);
  Vector<Tie> ties(arena);
  Map<Address, bool> warned(arena); // of these tables, which a statement may have touched in many places
  for (const Address &each : changed) {
    const Address object = as_object(each);
    if (!may_take_rows_along(object) || is_temporary(object))
      continue;
    ties.clear();
    find_ties(object, true, arena, ties);
    for (const Tie &tie : ties) {
      const Address foundation = descent.temporary_below(tie);
      if (!foundation.valid())
        continue;
      const Effects effects = losses(tie.object, catalog, arena);
      if (effects.list.empty())
        continue;
      LivePolicy policy;
      const Verdict verdict = judge(effects, policy, nullptr, mode(), false, arena);
      if (verdict.decision == Decision::blocked ||
          (verdict.decision == Decision::warned &&
           warned.emplace(effects.list[verdict.deciding].address.whole(), true).second))
        refuse(effects, verdict, foundation, catalog);
    }
  }
}

} // namespace

void refuse_temporary_foundations(const Vector<Address> &changed) {
  if (changed.empty())
    return;
  ContextArena arena;
  LiveCatalog catalog(arena);
  if (changed.size() < most_changed) {
    refuse_new_ties(changed, catalog, arena);
  } else {
    // There were more than are kept.
    Vector<Address> all(arena);
    new_dependers(all);
    refuse_new_ties(all, catalog, arena);
  }
  catalog.close();
}

// RemoveTempRelations (catalog/namespace.c), and do_autovacuum (postmaster/autovacuum.c), where it drops orphans. Not
// DISCARD, which a session that goes on runs of its own will, and can be refused.
bool is_clean_up(int flags) {
  constexpr int marks = PERFORM_DELETION_INTERNAL | PERFORM_DELETION_SKIP_EXTENSIONS;
  if ((flags & marks) != marks)
    return false;
  if (MyBackendType == B_AUTOVAC_WORKER || proc_exit_inprogress)
    return true;
  // InitTempTableNamespace: this session is about to have the schema, and removes what another has left there.
  Oid schema = InvalidOid;
  Oid toast_schema = InvalidOid;
  GetTempNamespaceState(&schema, &toast_schema);
  return !OidIsValid(schema);
}

void record_clean_up(const Address &object) {
  ContextArena arena;
  LiveCatalog catalog(arena);
  Effects effects(arena);
  Effect effect;
  const bool matters = effect_on(object, Deed::drop, catalog, effect);
  catalog.close();
  if (!matters)
    return;
  effect.cascaded = true;
  effects.list.push_back(effect);
  LivePolicy policy;
  Verdict verdict = judge(effects, policy, nullptr, mode(), false, arena);
  if (verdict.actions[0] == Action::allow)
    return;
  const bool against_the_policy = verdict.decision == Decision::blocked;
  // No statement of this session's has a part in it.
  AuditRecord record = new_record();
  record.verdict = c_string(decision_name(against_the_policy ? Decision::warned : verdict.decision));
  record.rule = c_string(rule(effect.rule).name);
  record.command_tag = "DROP";
  record.effects = effects_json(effects, verdict);
  record.sensor = sensor::object_access;
  if (against_the_policy)
    ereport(LOG_SERVER_ONLY, errmsg_internal("schema_guard: %s", log_json(record, effects)),
            errdetail_log("%s %s depended on a temporary object of a session that has ended, and goes with it.",
                          c_string(effect.description.object_type), c_string(effect.description.identity)),
            errhidestmt(true), errhidecontext(true));
  write_failure_record(record);
}

} // namespace schema_guard
