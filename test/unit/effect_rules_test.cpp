// effects(): the rule of every kind of object, and of the statements that are no drops.
#include "effect_fixture.hpp"

namespace schema_guard::test {
namespace {

struct KindRule {
  ObjectKind kind;
  RuleId rule;
};

constexpr KindRule kind_rules[] = {
    {ObjectKind::table, RuleId::drop_table},
    {ObjectKind::foreign_table, RuleId::drop_foreign_table},
    {ObjectKind::column, RuleId::drop_column},
    {ObjectKind::attribute, RuleId::drop_column},
    {ObjectKind::unstored_column, RuleId::drop_other},
    {ObjectKind::view, RuleId::drop_view},
    {ObjectKind::materialized_view, RuleId::drop_materialized_view},
    {ObjectKind::sequence, RuleId::drop_sequence},
    {ObjectKind::index, RuleId::drop_index},
    {ObjectKind::constraint, RuleId::drop_constraint},
    {ObjectKind::primary_key, RuleId::drop_primary_key},
    {ObjectKind::function, RuleId::drop_function},
    {ObjectKind::type, RuleId::drop_type},
    {ObjectKind::schema, RuleId::drop_schema},
    {ObjectKind::extension, RuleId::drop_extension},
    {ObjectKind::large_object, RuleId::drop_large_object},
    {ObjectKind::database, RuleId::drop_database},
    {ObjectKind::setting, RuleId::drop_other},
    {ObjectKind::other, RuleId::drop_other},
};

// `none` is not a kind of object, `other` the last one: a kind that is added has to be added above.
static_assert(std::size(kind_rules) == static_cast<std::size_t>(ObjectKind::other));

class RuleOfKind : public EffectTest, public ::testing::WithParamInterface<KindRule> {
protected:
  Address make() {
    const ObjectKind kind = GetParam().kind;
    if (kind == ObjectKind::column || kind == ObjectKind::attribute || kind == ObjectKind::unstored_column)
      return catalog.add_column(catalog.add(ObjectKind::table, "whole"), "it", kind);
    return catalog.add(kind, "it");
  }
};

TEST_P(RuleOfKind, NamedByTheStatement) {
  const Effects result = drop({found(make())});
  ASSERT_EQ(result.list.size(), 1U);
  EXPECT_EQ(result.list[0].rule, GetParam().rule);
  EXPECT_EQ(result.list[0].kind, GetParam().kind);
  EXPECT_FALSE(result.list[0].cascaded);
}

TEST_P(RuleOfKind, ReachedByCascade) {
  const Address schema = catalog.add(ObjectKind::schema, "schema");
  catalog.depend(make(), schema, 'n');
  const Effects result = drop_cascade({found(schema)});
  ASSERT_EQ(result.list.size(), 2U);
  EXPECT_EQ(result.list[1].rule, GetParam().rule);
  EXPECT_TRUE(result.list[1].cascaded);
}

TEST_P(RuleOfKind, SeenByADeletion) {
  const Address object = make();
  Effect effect;
  ASSERT_TRUE(effect_on(object, Deed::drop, catalog, effect));
  EXPECT_EQ(effect.rule, GetParam().rule);
  EXPECT_EQ(effect.kind, GetParam().kind);
  EXPECT_EQ(effect.address, object);
  EXPECT_EQ(effect.description.identity, "it");
  EXPECT_FALSE(effect.cascaded) << "whether it goes by cascade is for the caller to say";
}

// What is blocked by default is what the second ring looks for, so that nothing of it passes unseen. Large objects go
// by lo_unlink() as well, which is as everyday as DELETE.
TEST_P(RuleOfKind, HoldsRowsIfItsDropIsBlocked) {
  if (GetParam().kind == ObjectKind::large_object)
    return;
  const bool rows = rule(GetParam().rule).default_action == Action::block;
  EXPECT_EQ(holds_rows(GetParam().kind), rows || GetParam().kind == ObjectKind::materialized_view);
}

TEST_P(RuleOfKind, OfTheGuardsOwnIsTampering) {
  const Address object = make();
  catalog.change_facts(object).guards_itself = true;
  EXPECT_EQ(words(drop({found(object)})), Words{"guard_tampering it"});
  Effect effect;
  ASSERT_TRUE(effect_on(object, Deed::drop, catalog, effect));
  EXPECT_EQ(effect.rule, RuleId::guard_tampering);
}

TEST_P(RuleOfKind, TemporaryOrNewIsHarmless) {
  const Address object = make();
  for (const bool temporary : {true, false}) {
    catalog.change_facts(object) = {.kind = GetParam().kind, .temporary = temporary, .created_here = !temporary};
    const Effects result = drop({found(object)});
    ASSERT_EQ(result.list.size(), 1U);
    EXPECT_TRUE(result.list[0].harmless);
    EXPECT_EQ(result.list[0].rule, GetParam().rule);
    Effect effect;
    EXPECT_FALSE(effect_on(object, Deed::drop, catalog, effect));
  }
}

TEST_P(RuleOfKind, TemporaryOrNewAmongOthersIsNotMentioned) {
  const Address object = make();
  const Address schema = catalog.add(ObjectKind::schema, "schema");
  catalog.depend(object, schema, 'n');
  for (const bool temporary : {true, false}) {
    catalog.change_facts(object) = {.kind = GetParam().kind, .temporary = temporary, .created_here = !temporary};
    EXPECT_EQ(words(drop_cascade({found(schema)})), Words{"drop_schema schema"});
    EXPECT_EQ(words(drop({found(object), found(schema)})), Words{"drop_schema schema"});
  }
}

INSTANTIATE_TEST_SUITE_P(All, RuleOfKind, ::testing::ValuesIn(kind_rules),
                         [](const ::testing::TestParamInfo<KindRule> &info) {
                           return "Kind" + std::to_string(static_cast<int>(info.param.kind));
                         });

// A composite type's attribute matters only if some table stores it.
TEST_F(EffectTest, AnAttributeThatNoTableStoresIsNoColumn) {
  const Address attribute = catalog.add_column(catalog.add(ObjectKind::type, "type"), "a", ObjectKind::attribute);
  catalog.change_facts(attribute).holds_data = false;
  EXPECT_EQ(words(drop({found(attribute)})), Words{"drop_other a"});
}

TEST_F(EffectTest, APartOfTheGuardsTableIsTheGuards) {
  const Address audit = catalog.add(ObjectKind::table, "audit");
  const Address trigger = catalog.add(ObjectKind::other, "trigger");
  catalog.change_facts(audit).guards_itself = true;
  catalog.belongs_to(trigger, audit);
  EXPECT_EQ(words(drop({found(trigger)})), Words{"guard_tampering trigger"});
}

// The statement names the role, and none of the objects.
TEST_F(EffectTest, DropOwnedTakesWhatTheRolesOwn) {
  const Address role = catalog.add(ObjectKind::other, "role");
  const Address other_role = catalog.add(ObjectKind::other, "other role");
  const Address idle_role = catalog.add(ObjectKind::other, "idle role");
  const Address table = catalog.add(ObjectKind::table, "table");
  const Address function = catalog.add(ObjectKind::function, "function");
  const Address view = catalog.add(ObjectKind::view, "view");
  catalog.owns(role, table);
  catalog.owns(role, function);
  catalog.owns(other_role, view);

  EXPECT_EQ(words(run(Deed::drop_owned, {found(role)})),
            (Words{"drop_table table by cascade", "drop_function function by cascade"}));
  EXPECT_EQ(words(run(Deed::drop_owned, {found(role), found(other_role)})),
            (Words{"drop_table table by cascade", "drop_function function by cascade", "drop_view view by cascade"}));
  EXPECT_TRUE(run(Deed::drop_owned, {found(idle_role)}).list.empty());
  EXPECT_FALSE(run(Deed::drop_owned, {found(idle_role)}).refused);
}

TEST_F(EffectTest, DropOwnedHeedsRestrictAndCascade) {
  const Address role = catalog.add(ObjectKind::other, "role");
  const Address table = catalog.add(ObjectKind::table, "table");
  const Address view = catalog.add(ObjectKind::view, "somebody else's view");
  catalog.owns(role, table);
  catalog.depend(view, table, 'n');
  EXPECT_TRUE(run(Deed::drop_owned, {found(role)}).refused);
  EXPECT_EQ(words(run(Deed::drop_owned, {found(role)}, true)),
            (Words{"drop_table table by cascade", "drop_view somebody else's view by cascade"}));
}

TEST_F(EffectTest, AnyOtherStatementIsItsCommandTag) {
  const Effects result = run(Deed::change, {});
  ASSERT_EQ(words(result), Words{"other_ddl SOME COMMAND"});
  EXPECT_EQ(result.list[0].kind, ObjectKind::none);
  EXPECT_FALSE(result.list[0].address.valid());
  EXPECT_EQ(result.list[0].description.object_type, "command");
  EXPECT_EQ(result.list[0].description.path, "SOME COMMAND");
}

TEST_F(EffectTest, AChangeOfTheGuardsOwnIsTampering) {
  const Address audit = catalog.add(ObjectKind::table, "audit");
  const Address table = catalog.add(ObjectKind::table, "table");
  catalog.change_facts(audit).guards_itself = true;
  EXPECT_EQ(words(change({found(audit)})), Words{"guard_tampering audit"});
  EXPECT_EQ(words(change({found(table), found(audit)})), Words{"guard_tampering audit"});
  EXPECT_EQ(words(change({found(table)})), Words{"other_ddl SOME COMMAND"});
  EXPECT_EQ(words(change({missing()})), Words{"other_ddl SOME COMMAND"});
}

// CREATE FUNCTION in a schema of somebody else's: a policy on other statements has to be asked.
TEST_F(EffectTest, AChangeThatTheRoleMayNotMakeIsStillItsStatement) {
  const Address table = catalog.add(ObjectKind::table, "table");
  EXPECT_EQ(words(change({refused()})), Words{"other_ddl SOME COMMAND"});
  EXPECT_EQ(words(change({refused()}, {found(table)})), Words{"drop_table table"});
}

// ALTER TABLE with a subcommand that drops nothing after all, beside one that changes the guard.
TEST_F(EffectTest, AChangeOfTheGuardBesideADropIsTampering) {
  const Address audit = catalog.add(ObjectKind::table, "audit");
  const Address table = catalog.add(ObjectKind::table, "table");
  catalog.change_facts(audit).guards_itself = true;
  EXPECT_EQ(words(change({found(audit)}, {missing()})), Words{"guard_tampering audit"});
  EXPECT_EQ(words(change({found(audit)}, {found(table)})), (Words{"drop_table table", "guard_tampering audit"}));
}

// A trigger of the guard's that was made to depend on an extension goes with it.
TEST_F(EffectTest, APartOfTheGuardAttachedToAnExtensionIsTampering) {
  const Address audit = catalog.add(ObjectKind::table, "audit");
  const Address extension = catalog.add(ObjectKind::extension, "extension");
  const Address trigger = catalog.add(ObjectKind::other, "trigger");
  catalog.change_facts(audit).guards_itself = true;
  catalog.belongs_to(trigger, audit);
  catalog.depend(trigger, extension, 'x');
  EXPECT_EQ(words(drop({found(extension)})), (Words{"drop_extension extension", "guard_tampering trigger by cascade"}));
}

TEST_F(EffectTest, AreTheSameEachTime) {
  const Address schema = catalog.add(ObjectKind::schema, "schema");
  for (const char *name : {"a", "b", "c"})
    catalog.depend(catalog.add(ObjectKind::table, name), schema, 'n');
  EXPECT_EQ(words(drop_cascade({found(schema)})), words(drop_cascade({found(schema)})));
}

} // namespace
} // namespace schema_guard::test
