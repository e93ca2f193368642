// effects(): which objects a statement's drop is told of, and which go without saying.
#include "effect_fixture.hpp"

#include <algorithm>

namespace schema_guard::test {
namespace {

TEST_F(EffectTest, ATableIsDescribedAsTheCatalogDoes) {
  const Address table = catalog.add(ObjectKind::table, "orders");
  const Effects result = drop({found(table)});
  ASSERT_EQ(words(result), Words{"drop_table orders"});
  const Effect &effect = result.list[0];
  EXPECT_EQ(effect.address, table);
  EXPECT_EQ(effect.kind, ObjectKind::table);
  EXPECT_EQ(effect.description.path, "orders");
  EXPECT_FALSE(result.refused);
}

TEST_F(EffectTest, SeveralTargetsAreSeveralEffectsInTheirOrder) {
  const Address second = catalog.add(ObjectKind::table, "second");
  const Address first = catalog.add(ObjectKind::table, "first");
  EXPECT_EQ(words(drop({found(first), found(second)})), (Words{"drop_table first", "drop_table second"}));
}

TEST_F(EffectTest, ATargetThatIsMissingIsPassedOver) {
  const Address table = catalog.add(ObjectKind::table, "orders");
  EXPECT_EQ(words(drop({missing(), found(table), missing()})), Words{"drop_table orders"});
}

TEST_F(EffectTest, NothingButMissingTargetsIsNothing) {
  for (const Deed verb : {Deed::drop, Deed::drop_owned}) {
    const Effects result = run(verb, {missing(), missing()});
    EXPECT_TRUE(result.list.empty());
    EXPECT_FALSE(result.refused);
  }
}

TEST_F(EffectTest, OneRefusedTargetMeansNoEffects) {
  const Address table = catalog.add(ObjectKind::table, "orders");
  for (const Deed verb : {Deed::drop, Deed::drop_owned}) {
    for (const auto &names : {std::initializer_list<Name>{found(table), refused()}, {refused(), found(table)}}) {
      const Effects result = run(verb, names);
      EXPECT_TRUE(result.refused);
      EXPECT_TRUE(result.list.empty());
    }
  }
}

TEST_F(EffectTest, RestrictThatMeetsADependentIsRefusedAndHasNone) {
  const Address table = catalog.add(ObjectKind::table, "orders");
  const Address view = catalog.add(ObjectKind::view, "totals");
  catalog.depend(view, table, 'n');
  const Effects result = drop({found(table)});
  EXPECT_TRUE(result.refused);
  EXPECT_TRUE(result.list.empty());
  EXPECT_EQ(words(drop_cascade({found(table)})), (Words{"drop_table orders", "drop_view totals by cascade"}));
}

TEST_F(EffectTest, PartsOfWhatGoesAreNotMentioned) {
  const Address table = catalog.add(ObjectKind::table, "orders");
  const Address index = catalog.add(ObjectKind::index, "index");
  const Address type = catalog.add(ObjectKind::type, "row type");
  const Address sequence = catalog.add(ObjectKind::sequence, "serial");
  catalog.depend(index, table, 'a');
  catalog.depend(type, table, 'i');
  catalog.depend(sequence, catalog.add_column(table, "id"), 'a');
  EXPECT_EQ(words(drop({found(table)})), Words{"drop_table orders"});
}

// Reached both ways, it is a part: PostgreSQL's notice has no word for it either.
TEST_F(EffectTest, PartsThatAreDependentsAsWellAreNotMentioned) {
  const Address schema = catalog.add(ObjectKind::schema, "schema");
  const Address table = catalog.add(ObjectKind::table, "orders");
  const Address sequence = catalog.add(ObjectKind::sequence, "serial");
  catalog.depend(table, schema, 'n');
  catalog.depend(sequence, schema, 'n');
  catalog.depend(sequence, catalog.add_column(table, "id"), 'a');
  EXPECT_EQ(words(drop_cascade({found(schema)})), (Words{"drop_schema schema", "drop_table orders by cascade"}));
}

TEST_F(EffectTest, APartOfADroppedColumnIsNotMentioned) {
  const Address table = catalog.add(ObjectKind::table, "orders");
  const Address price = catalog.add_column(table, "price");
  const Address gross = catalog.add_column(table, "gross");
  const Address expression = catalog.add(ObjectKind::other, "gross's expression");
  catalog.belongs_to(expression, gross);
  catalog.depend(expression, price, 'n');
  catalog.depend(gross, expression, 'i');
  EXPECT_EQ(words(drop_cascade({found(price)})), (Words{"drop_column price", "drop_column gross by cascade"}));
}

TEST_F(EffectTest, PartsThatHoldRowsAreMentioned) {
  const Address parent = catalog.add(ObjectKind::table, "parent");
  for (const char letter : {'a', 'x', 'e'})
    catalog.depend(catalog.add(ObjectKind::table, {letter}), parent, letter);
  catalog.depend(catalog.add(ObjectKind::materialized_view, "m"), parent, 'a');
  EXPECT_EQ(words(drop({found(parent)})),
            (Words{"drop_table parent", "drop_table a by cascade", "drop_table x by cascade", "drop_table e by cascade",
                   "drop_materialized_view m by cascade"}));
}

// A TOAST table is inside its table, and its index goes along with it.
TEST_F(EffectTest, InsidesAreNotMentioned) {
  const Address table = catalog.add(ObjectKind::table, "orders");
  const Address inside = catalog.add(ObjectKind::table, "toast");
  catalog.depend(inside, table, 'i');
  catalog.depend(catalog.add(ObjectKind::index, "toast's index"), inside, 'a');
  EXPECT_EQ(words(drop({found(table)})), Words{"drop_table orders"});
}

TEST_F(EffectTest, AColumnThatGoesWithAnotherIsMentioned) {
  const Address table = catalog.add(ObjectKind::table, "orders");
  const Address price = catalog.add_column(table, "price");
  const Address gross = catalog.add_column(table, "gross");
  catalog.depend(gross, price, 'a');
  EXPECT_EQ(words(drop({found(price)})), (Words{"drop_column price", "drop_column gross by cascade"}));
}

TEST_F(EffectTest, AWholeTableCoversItsColumns) {
  const Address type = catalog.add(ObjectKind::type, "mood");
  const Address table = catalog.add(ObjectKind::table, "people");
  const Address column = catalog.add_column(table, "mood");
  catalog.depend(column, type, 'n');
  EXPECT_EQ(words(drop_cascade({found(type)})), (Words{"drop_type mood", "drop_column mood by cascade"}));
  catalog.depend(table, type, 'n');
  EXPECT_EQ(words(drop_cascade({found(type)})), (Words{"drop_type mood", "drop_table people by cascade"}));
  EXPECT_EQ(words(drop({found(table), found(column)})), Words{"drop_table people"});
}

TEST_F(EffectTest, PartsOfATableAreMentionedUnlessTheTableGoes) {
  const Address key = catalog.add(ObjectKind::table, "key");
  const Address reference = catalog.add(ObjectKind::table, "reference");
  const Address foreign_key = catalog.add(ObjectKind::constraint, "foreign key");
  catalog.depend(foreign_key, key, 'n');
  catalog.depend(foreign_key, reference, 'a');
  catalog.belongs_to(foreign_key, reference);
  EXPECT_EQ(words(drop_cascade({found(key)})), (Words{"drop_table key", "drop_constraint foreign key by cascade"}));
  EXPECT_EQ(words(drop({found(reference)})), Words{"drop_table reference"});
  EXPECT_EQ(words(drop_cascade({found(key), found(reference)})), (Words{"drop_table key", "drop_table reference"}));
  EXPECT_EQ(words(drop({found(foreign_key)})), Words{"drop_constraint foreign key"});
}

TEST_F(EffectTest, AnOwnerThatItsPartBringsIsMentioned) {
  const Address table = catalog.add(ObjectKind::table, "orders");
  const Address view = catalog.add(ObjectKind::view, "totals");
  const Address rewrite = catalog.add(ObjectKind::other, "rewrite");
  catalog.depend(rewrite, table, 'n');
  catalog.depend(rewrite, view, 'i');
  catalog.belongs_to(rewrite, view);
  EXPECT_EQ(words(drop_cascade({found(table)})), (Words{"drop_table orders", "drop_view totals by cascade"}));
}

// Beside an older target, everything that goes is looked at; temporary and new objects then go without saying.
TEST_F(EffectTest, OldObjectsBesideTemporaryAndNewOnesAreMentioned) {
  const Address schema = catalog.add(ObjectKind::schema, "schema");
  const Address temporary = catalog.add(ObjectKind::table, "temporary");
  const Address made = catalog.add(ObjectKind::table, "new");
  const Address table = catalog.add(ObjectKind::table, "old");
  catalog.change_facts(temporary).temporary = true;
  catalog.change_facts(made).created_here = true;
  for (const Address &member : {temporary, made, table})
    catalog.depend(member, schema, 'n');
  EXPECT_EQ(words(drop_cascade({found(schema)})), (Words{"drop_schema schema", "drop_table old by cascade"}));
  const Effects result = drop({found(temporary), found(table), found(made)});
  ASSERT_EQ(words(result), Words{"drop_table old"});
  EXPECT_FALSE(result.list[0].harmless);
}

TEST_F(EffectTest, WhatANewObjectTakesAlongIsMentionedBesideAnOldOne) {
  const Address made = catalog.add(ObjectKind::type, "new type");
  const Address old = catalog.add(ObjectKind::type, "old type");
  const Address column = catalog.add_column(catalog.add(ObjectKind::table, "table"), "column");
  catalog.change_facts(made).created_here = true;
  catalog.depend(column, made, 'n');
  EXPECT_EQ(words(drop_cascade({found(made), found(old)})),
            (Words{"drop_type old type", "drop_column column by cascade"}));
}

TEST_F(EffectTest, NothingButTemporaryAndNewTargetsIsHarmless) {
  const Address temporary = catalog.add(ObjectKind::table, "temporary");
  const Address made = catalog.add(ObjectKind::table, "new");
  catalog.change_facts(temporary).temporary = true;
  catalog.change_facts(made).created_here = true;
  const Effects result = drop({found(temporary), found(made)});
  ASSERT_EQ(words(result), (Words{"drop_table temporary", "drop_table new"}));
  EXPECT_TRUE(result.list[0].harmless);
  EXPECT_TRUE(result.list[1].harmless);
}

class Inheritance : public EffectTest {
protected:
  Inheritance() {
    catalog.inherits(child_column, column);
    catalog.inherits(other_child_column, column);
    catalog.inherits(grandchild_column, child_column);
  }
  Address column = catalog.add_column(catalog.add(ObjectKind::table, "parent"), "parent's");
  Address child_column = catalog.add_column(catalog.add(ObjectKind::table, "child"), "child's");
  Address other_child_column = catalog.add_column(catalog.add(ObjectKind::table, "other child"), "other child's");
  Address grandchild_column = catalog.add_column(catalog.add(ObjectKind::table, "grandchild"), "grandchild's");
};

TEST_F(Inheritance, AColumnTakesItsChildrensAllTheWayDown) {
  const Effects result = drop({found(column)});
  ASSERT_EQ(result.list.size(), 4U);
  std::vector<std::string> others = words(result);
  std::sort(others.begin() + 1, others.end());
  EXPECT_EQ(others, (Words{"drop_column parent's", "drop_column child's by cascade",
                           "drop_column grandchild's by cascade", "drop_column other child's by cascade"}));
}

TEST_F(Inheritance, OnlyTakesTheOneColumn) { EXPECT_EQ(words(drop({only(column)})), Words{"drop_column parent's"}); }

TEST_F(Inheritance, ATableDoesNotTakeItsChildren) {
  EXPECT_EQ(words(drop({found(column.whole())})), Words{"drop_table parent"});
}

TEST_F(Inheritance, ADiamondIsWalkedToItsEnd) {
  catalog.inherits(grandchild_column, other_child_column);
  EXPECT_EQ(drop({found(column)}).list.size(), 4U);
}

TEST_F(Inheritance, OfSeveralColumnsEachTakesItsOwn) {
  const Address unrelated = catalog.add_column(column.whole(), "unrelated");
  EXPECT_EQ(drop({found(unrelated), found(column)}).list.size(), 5U);
}

} // namespace
} // namespace schema_guard::test
