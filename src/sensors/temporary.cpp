#include "sensors/temporary.hpp"

#include "core/verdict.hpp"
#include "pg/live_catalog.hpp"
#include "pg/memory.hpp"
#include "pg/settings.hpp"
#include "pg/sqlstate.hpp"
#include "policy/live_policy.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "utils/syscache.h"
}

namespace schema_guard {

namespace {

// Of what a statement has touched, some may be gone by its end, such as the transient table of a rewrite.
Oid schema_of(const Address &object) {
  if (!is_objectclass_supported(object.class_id))
    return InvalidOid;
  const int cache = get_object_catcache_oid(object.class_id);
  if (cache < 0 || !SearchSysCacheExists1(cache, ObjectIdGetDatum(object.object_id)))
    return InvalidOid;
  const ::ObjectAddress address{object.class_id, object.object_id, object.sub_id};
  return get_object_namespace(&address);
}

// What the object rests on, directly or not, that is in the temporary schema; invalid if nothing is. PostgreSQL's own
// objects rest on nothing.
Address temporary_foundation(const Address &object, Oid schema, LiveCatalog &catalog, Arena &arena) {
  Vector<Address> visited(arena);
  Map<Address, bool> seen(arena);
  Vector<Dependency> found(arena);
  visited.push_back(object);
  for (std::size_t place = 0; place < visited.size(); ++place) {
    found.clear();
    catalog.owners(visited[place], found);
    for (const Dependency &dependency : found) {
      const Address &below = dependency.object;
      if (below.object_id < FirstUnpinnedObjectId || below.class_id == NamespaceRelationId ||
          !seen.emplace(below.whole(), true).second)
        continue;
      if (schema_of(below) == schema)
        return below;
      visited.push_back(below);
    }
  }
  return {};
}

// The lasting tables and columns that go when the object does, itself among them.
void add_lasting(const Address &object, LiveCatalog &catalog, Arena &arena, Effects &result) {
  Vector<Address> targets(arena);
  targets.push_back(object);
  const Effects ending = effects_of_ending(targets, catalog, arena);
  for (const Effect &effect : ending.list)
    result.list.push_back(effect);
}

void refuse(const Effects &effects, const Address &foundation, LiveCatalog &catalog, Arena &arena) {
  LivePolicy policy;
  const Verdict verdict = judge(effects, policy, nullptr, mode(), false, arena);
  if (verdict.decision != Decision::blocked && verdict.decision != Decision::warned)
    return;
  const ObjectDescription lost = effects.list[verdict.deciding].description;
  const ObjectDescription temporary = catalog.describe(foundation, ObjectKind::none);
  ereport(verdict.decision == Decision::blocked ? ERROR : WARNING, errcode(sqlstate_blocked),
          errmsg("%s %s must not depend on a temporary object", c_string(lost.object_type), c_string(lost.identity)),
          errdetail("%s %s goes at the end of the session or the transaction, and would take it along.",
                    c_string(temporary.object_type), c_string(temporary.identity)),
          errhint("Make what it depends on a lasting object first."));
}

} // namespace

void refuse_temporary_foundations(const Vector<Address> &changed) {
  Oid schema = InvalidOid;
  Oid toast_schema = InvalidOid;
  GetTempNamespaceState(&schema, &toast_schema);
  if (!OidIsValid(schema) || changed.empty())
    return;
  ContextArena arena;
  LiveCatalog catalog(arena);
  for (const Address &object : changed) {
    const Oid own = schema_of(object);
    if (!OidIsValid(own) || own == schema)
      continue;
    const Address foundation = temporary_foundation(object, schema, catalog, arena);
    if (!foundation.valid())
      continue;
    Effects effects(arena);
    add_lasting(object, catalog, arena, effects);
    if (!effects.list.empty())
      refuse(effects, foundation, catalog, arena);
  }
  catalog.close();
}

} // namespace schema_guard
