// What a statement would do, object by object.
#pragma once

#include "core/catalog.hpp"
#include "core/command.hpp"
#include "core/rule.hpp"

namespace schema_guard {

struct Effect {
  RuleId rule = RuleId::other_ddl;
  Deed deed = Deed::change;
  ObjectKind kind = ObjectKind::none;
  bool cascaded = false; // not named by the statement
  bool harmless = false; // temporary, or this transaction's own: told of, never judged
  Address address = {};
  ObjectDescription description = {};
  // What an approval of this effect is bound to besides, where the object alone does not say what happens to it.
  std::string_view detail = {};
};

// A column whose type a statement changes, as it was when the statement was judged.
struct ConvertedColumn {
  Address column;
  ColumnType type;
  bool lossy = false; // and so judged
  bool done = false;
};

struct Effects {
  explicit Effects(Arena &arena) : list(arena), unless_refused(arena), converted(arena) {}

  // PostgreSQL is going to refuse the statement by itself; the lists are empty.
  bool refused = false;
  Vector<Effect> list;
  // Should it not do so: what nothing but the statement's text can tell of.
  Vector<Effect> unless_refused;
  // All columns that it converts, those of inheritance children among them, whether anything of them may be lost or
  // not.
  Vector<ConvertedColumn> converted;
};

// Pure: the same command on the same catalog has the same effects. Everything returned lives on `arena`, or as long as
// the catalog's answers.
Effects effects(const Command &command, Catalog &catalog, Arena &arena);

// The lasting tables and columns that go when these objects do, and not by a statement's will. Their own age does not
// matter: they will hold rows by then.
Effects effects_of_ending(const Vector<Address> &targets, Catalog &catalog, Arena &arena);

// The effect of dropping, truncating or converting one object, which something other than a statement's text made
// known. False if there is none worth mentioning: the object is temporary, or this transaction's own. Whether it goes
// by cascade is for the caller to say.
bool effect_on(const Address &address, Deed deed, Catalog &catalog, Effect &effect);

} // namespace schema_guard
