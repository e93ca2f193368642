// effects(): of what leaves the object in place.
#include "effect_fixture.hpp"

namespace schema_guard::test {
namespace {

constexpr ColumnType integer{23, -1}, text{25, -1}, date{1082, -1}, timestamptz{1184, -1};

class Alteration : public EffectTest {
protected:
  Alteration() : table(catalog.add(ObjectKind::table, "orders")), column(catalog.add_column(table, "amount")) {}

  // ALTER COLUMN … TYPE to the last of the types.
  Effects convert(const Address &of, std::initializer_list<ColumnType> types, bool of_the_column = true) {
    Conversion conversion(arena);
    conversion.of_the_column = of_the_column;
    named.assign(types);
    for (const ColumnType &type : named)
      conversion.steps.push_back({.type = &type, .is_explicit = &type != &named.back()});
    Command command(arena, "ALTER TABLE");
    add_targets(command, {found(of)}, Deed::convert);
    command.targets.back().conversion = &conversion;
    return effects(command, catalog, arena);
  }
  static Words command_only() { return {"other_ddl SOME COMMAND"}; }

  Address table;
  Address column;
  std::vector<ColumnType> named;
};

TEST_F(Alteration, ByDeedAndKind) {
  const Address view = catalog.add(ObjectKind::view, "totals");
  const Address schema = catalog.add(ObjectKind::schema, "sales");
  const Address attribute =
      catalog.add_column(catalog.add(ObjectKind::type, "address"), "street", ObjectKind::attribute);
  EXPECT_EQ(words(run(Deed::rename, {found(table)})), Words{"rename_table orders"});
  EXPECT_EQ(words(run(Deed::rename, {found(column)})), Words{"rename_column amount"});
  EXPECT_EQ(words(run(Deed::rename, {found(attribute)})), Words{"rename_column street"});
  EXPECT_EQ(words(run(Deed::rename, {found(schema)})), Words{"move_schema sales"});
  EXPECT_EQ(words(run(Deed::move, {found(table)})), Words{"move_schema orders"});
  EXPECT_EQ(words(run(Deed::detach, {found(table)})), Words{"detach_partition orders"});
  EXPECT_EQ(words(run(Deed::set_unlogged, {found(table)})), Words{"set_unlogged orders"});
  for (const Deed deed : {Deed::rename, Deed::move, Deed::set_unlogged})
    EXPECT_EQ(words(run(deed, {found(view)})), command_only());
}

TEST_F(Alteration, OfNobodysLoss) {
  for (const bool temporary : {true, false}) {
    catalog.change_facts(table) = {.kind = ObjectKind::table, .temporary = temporary, .created_here = !temporary};
    for (const Deed deed : {Deed::rename, Deed::move, Deed::detach, Deed::set_unlogged})
      EXPECT_EQ(words(run(deed, {found(table)})), command_only());
    const Effects result = run(Deed::truncate, {found(table)});
    ASSERT_EQ(result.list.size(), 1U);
    EXPECT_TRUE(result.list[0].harmless);
  }
}

TEST_F(Alteration, RefusedByPostgreSQL) {
  for (const Deed deed : {Deed::rename, Deed::move, Deed::detach, Deed::set_unlogged, Deed::truncate}) {
    const Effects result = run(deed, {found(table), refused()});
    EXPECT_TRUE(result.refused);
    EXPECT_TRUE(result.list.empty());
  }
}

// PostgreSQL's own refusal is a guess: what ring 2 would not see is kept, in case it does not come.
TEST_F(Alteration, UnlessRefused) {
  for (const Deed deed : {Deed::rename, Deed::move, Deed::detach, Deed::set_unlogged}) {
    const Effects result = run(deed, {refused(), found(table)});
    EXPECT_TRUE(result.refused);
    ASSERT_EQ(result.unless_refused.size(), 1U);
    EXPECT_EQ(result.unless_refused[0].address, table);
    EXPECT_EQ(result.unless_refused[0].deed, deed);
  }
  EXPECT_TRUE(run(Deed::truncate, {found(table), refused()}).unless_refused.empty());
  EXPECT_TRUE(run(Deed::drop, {found(table), refused()}).unless_refused.empty());
  EXPECT_TRUE(run(Deed::rename, {found(table)}).unless_refused.empty());
}

TEST_F(Alteration, TruncatesWhatInherits) {
  const Address child = catalog.add(ObjectKind::table, "orders_2026");
  const Address grandchild = catalog.add(ObjectKind::table, "orders_2026_01");
  catalog.has_child(table, child);
  catalog.has_child(child, grandchild);
  EXPECT_EQ(words(run(Deed::truncate, {found(table)})),
            (Words{"truncate_table orders", "truncate_table orders_2026 by cascade",
                   "truncate_table orders_2026_01 by cascade"}));
  EXPECT_EQ(words(run(Deed::truncate, {only(table)})), Words{"truncate_table orders"});
  EXPECT_EQ(words(run(Deed::truncate, {found(table), found(child), found(table)})),
            (Words{"truncate_table orders", "truncate_table orders_2026", "truncate_table orders_2026_01 by cascade"}));
}

TEST_F(Alteration, TruncatesWhatRefers) {
  const Address item = catalog.add(ObjectKind::table, "item");
  const Address note = catalog.add(ObjectKind::table, "note");
  catalog.refers(item, table);
  catalog.refers(note, item);
  EXPECT_EQ(words(run(Deed::truncate, {found(table)}, true)),
            (Words{"truncate_table orders", "truncate_table item by cascade", "truncate_table note by cascade"}));
  EXPECT_TRUE(run(Deed::truncate, {found(table)}).refused);
  EXPECT_EQ(run(Deed::truncate, {found(table), found(item), found(note)}).list.size(), 3U);
}

TEST_F(Alteration, TruncatesNothingWithoutThePrivilegeForAll) {
  const Address item = catalog.add(ObjectKind::table, "item");
  catalog.refers(item, table);
  catalog.is_not_to_be_truncated(item);
  EXPECT_TRUE(run(Deed::truncate, {found(table)}, true).refused);
}

TEST_F(Alteration, TruncatesWhatIsEmpty) {
  const Address item = catalog.add(ObjectKind::table, "item");
  catalog.has_no_rows(item);
  const Effects result = run(Deed::truncate, {found(item)});
  ASSERT_EQ(result.list.size(), 1U);
  EXPECT_TRUE(result.list[0].harmless);
}

TEST_F(Alteration, TruncatesWhatIsEmptyBesideWhatIsNot) {
  const Address item = catalog.add(ObjectKind::table, "item");
  catalog.has_no_rows(item);
  EXPECT_EQ(words(run(Deed::truncate, {found(item), found(table)})), Words{"truncate_table orders"});
}

TEST_F(Alteration, TruncatesTheGuard) {
  catalog.change_facts(table).guards_itself = true;
  EXPECT_EQ(words(run(Deed::truncate, {found(table)})), Words{"guard_tampering orders"});
}

TEST_F(Alteration, ConvertsToWhatKeepsLess) {
  catalog.has_type(column, timestamptz);
  catalog.fake_types().has_path(timestamptz.type, date.type, CoercionPath::function);
  EXPECT_EQ(words(convert(column, {date})), Words{"lossy_type_change amount"});
  EXPECT_EQ(words(convert(column, {timestamptz})), Words{"other_ddl ALTER TABLE"});
  EXPECT_TRUE(convert(column, {integer}).refused);
  EXPECT_TRUE(convert(column, {ColumnType{}}).refused) << "no such type";
  EXPECT_EQ(words(convert(column, {timestamptz}, false)), Words{"lossy_type_change amount"})
      << "the same type, but other values";
}

TEST_F(Alteration, ConvertsStepByStep) {
  catalog.has_type(column, text);
  catalog.fake_types().has_facts(text.type, {.is_text = true});
  catalog.fake_types().has_path(text.type, integer.type, CoercionPath::input_output);
  catalog.fake_types().has_path(integer.type, text.type, CoercionPath::input_output);
  EXPECT_EQ(words(convert(column, {integer, text})), Words{"lossy_type_change amount"})
      << "text again, but what it was is lost on the way";
}

TEST_F(Alteration, ConvertsChildren) {
  const Address child = catalog.add_column(catalog.add(ObjectKind::table, "child"), "child's");
  catalog.inherits(child, column);
  catalog.has_type(column, timestamptz);
  catalog.fake_types().has_path(timestamptz.type, date.type, CoercionPath::function);
  EXPECT_EQ(words(convert(column, {date})),
            (Words{"lossy_type_change amount", "lossy_type_change child's by cascade"}));
}

TEST_F(Alteration, ConvertsAColumnOfTwoParentsOnce) {
  const Address left = catalog.add_column(catalog.add(ObjectKind::table, "left"), "left's");
  const Address right = catalog.add_column(catalog.add(ObjectKind::table, "right"), "right's");
  const Address child = catalog.add_column(catalog.add(ObjectKind::table, "child"), "child's");
  catalog.inherits(left, column);
  catalog.inherits(right, column);
  catalog.inherits(child, left);
  catalog.inherits(child, right);
  catalog.has_type(column, timestamptz);
  catalog.fake_types().has_path(timestamptz.type, date.type, CoercionPath::function);
  EXPECT_EQ(convert(column, {date}).list.size(), 4U);
}

TEST_F(Alteration, ConvertsNothingThatAViewIsMadeOf) {
  catalog.has_type(column, timestamptz);
  catalog.fake_types().has_path(timestamptz.type, date.type, CoercionPath::function);
  catalog.is_pinned(column);
  EXPECT_TRUE(convert(column, {date}).refused);
}

TEST_F(Alteration, OfATypeThatTablesAreMadeOf) {
  const Address attribute =
      catalog.add_column(catalog.add(ObjectKind::type, "address"), "street", ObjectKind::attribute);
  catalog.inherits(catalog.add_column(table, "street"), attribute);
  EXPECT_TRUE(run(Deed::rename, {only(attribute)}).refused) << "without CASCADE";
  EXPECT_TRUE(run(Deed::drop, {only(attribute)}).refused) << "without CASCADE";
  EXPECT_EQ(words(run(Deed::rename, {found(attribute)})), Words{"rename_column street"});
}

TEST_F(Alteration, ConvertsWhatIsComputedOrNotStored) {
  EXPECT_EQ(words(convert(column, {date})), Words{"other_ddl ALTER TABLE"}) << "computed: it has no type to lose";
  const Address unstored =
      catalog.add_column(catalog.add(ObjectKind::foreign_table, "far"), "far's", ObjectKind::unstored_column);
  catalog.has_type(unstored, timestamptz);
  catalog.fake_types().has_path(timestamptz.type, date.type, CoercionPath::function);
  EXPECT_EQ(words(convert(unstored, {date})), Words{"other_ddl ALTER TABLE"});
}

TEST_F(Alteration, OfTheGuardsOwnerIsTampering) {
  const Address role = catalog.add(ObjectKind::other, "role");
  catalog.owns(role, table);
  EXPECT_EQ(words(run(Deed::change_owned, {found(role)})), command_only());
  catalog.change_facts(table).guards_itself = true;
  EXPECT_EQ(words(run(Deed::change_owned, {found(role)})), Words{"guard_tampering orders"});
}

} // namespace
} // namespace schema_guard::test
