// close(), one dependency at a time: what each kind does to the dependent when the other end is dropped, and to the
// other end when the dependent is.
#include "closure_fixture.hpp"

#include <ostream>
#include <string>

namespace schema_guard::test {
namespace {

struct KindCase {
  char letter;
  bool owned;              // the dependent goes as a part: RESTRICT does not mind it
  bool normal;             // only CASCADE takes the dependent
  bool partition;          // the dependent goes as a partition's part: RESTRICT does not mind it either
  bool refused_by_name;    // PostgreSQL refuses to drop the dependent by its name
  bool owner_goes_as_well; // reached by a cascade from elsewhere, the dependent takes the other end along
};

void PrintTo(const KindCase &kind, std::ostream *out) { *out << kind.letter; }

class DependencyKinds : public ClosureTest, public ::testing::WithParamInterface<KindCase> {
protected:
  Address referenced = catalog.add(ObjectKind::table, "referenced");
  Address dependent = catalog.add(ObjectKind::table, "dependent");
};

TEST_P(DependencyKinds, CascadeTakesTheDependent) {
  catalog.depend(dependent, referenced, GetParam().letter);
  const Closure closure = cascade({referenced});
  EXPECT_FALSE(closure.refused);
  EXPECT_EQ(addresses(closure), (std::vector{referenced, dependent}));
  EXPECT_TRUE(entry(closure, referenced).named);
  const ClosureEntry &found = entry(closure, dependent);
  EXPECT_FALSE(found.named);
  EXPECT_FALSE(found.reverse);
  EXPECT_EQ(found.owned(), GetParam().owned);
  EXPECT_EQ(found.normal, GetParam().normal);
  EXPECT_EQ(found.partition, GetParam().partition);
}

TEST_P(DependencyKinds, RestrictRefusesANormalDependentOnly) {
  catalog.depend(dependent, referenced, GetParam().letter);
  const Closure closure = restricted({referenced});
  EXPECT_EQ(closure.refused, GetParam().normal);
  EXPECT_TRUE(closure.contains(dependent));
}

TEST_P(DependencyKinds, NamingBothSatisfiesRestrict) {
  catalog.depend(dependent, referenced, GetParam().letter);
  EXPECT_FALSE(restricted({referenced, dependent}).refused);
  EXPECT_FALSE(restricted({dependent, referenced}).refused);
}

TEST_P(DependencyKinds, NamingTheDependent) {
  catalog.depend(dependent, referenced, GetParam().letter);
  for (const bool with_cascade : {false, true}) {
    const Closure closure = drop({dependent}, with_cascade);
    EXPECT_EQ(closure.refused, GetParam().refused_by_name);
    EXPECT_FALSE(closure.contains(referenced));
  }
}

TEST_P(DependencyKinds, ReachingTheDependentFromElsewhere) {
  const Address elsewhere = catalog.add(ObjectKind::schema, "elsewhere");
  catalog.depend(dependent, referenced, GetParam().letter);
  catalog.depend(dependent, elsewhere, 'n');
  const Closure closure = cascade({elsewhere});
  EXPECT_TRUE(closure.contains(dependent));
  EXPECT_EQ(closure.contains(referenced), GetParam().owner_goes_as_well);
  if (GetParam().owner_goes_as_well) {
    EXPECT_TRUE(entry(closure, referenced).reverse);
  }
}

TEST_P(DependencyKinds, HoldForAColumnOfTheDependentAndOfTheReferenced) {
  const Address part = catalog.add_column(dependent, "part");
  const Address whole = catalog.add_column(referenced, "whole");
  catalog.depend(part, whole, GetParam().letter);
  EXPECT_TRUE(cascade({whole}).contains(part));
  EXPECT_TRUE(cascade({referenced}).contains(part)) << "whoever drops a table drops its columns";
  EXPECT_FALSE(cascade({whole}).contains(dependent));
}

// The last is a letter that no PostgreSQL has had so far: what it means is unknown, so it is never taken for granted.
INSTANTIATE_TEST_SUITE_P(
    All, DependencyKinds,
    ::testing::Values(KindCase{'n', false, true, false, false, false}, KindCase{'a', true, false, false, false, false},
                      KindCase{'x', true, false, false, false, false}, KindCase{'i', true, false, false, true, true},
                      KindCase{'e', true, false, false, true, true}, KindCase{'P', false, false, true, true, false},
                      KindCase{'S', false, false, true, true, false}, KindCase{'Z', false, true, false, false, false}),
    [](const ::testing::TestParamInfo<KindCase> &info) { return std::string(1, info.param.letter); });

// Two dependencies on the same pair: the one that lets RESTRICT pass decides, as in reportDependentObjects.
TEST_F(ClosureTest, AnAutomaticDependencyBesideANormalOneLetsRestrictPass) {
  const Address table = catalog.add(ObjectKind::table, "table");
  const Address index = catalog.add(ObjectKind::index, "index");
  catalog.depend(index, table, 'n');
  catalog.depend(index, table, 'a');
  const Closure closure = restricted({table});
  EXPECT_FALSE(closure.refused);
  EXPECT_TRUE(entry(closure, index).normal);
  EXPECT_TRUE(entry(closure, index).owned());
}

TEST_F(ClosureTest, TheSameObjectNamedTwiceIsOneEntry) {
  const Address table = catalog.add(ObjectKind::table, "table");
  EXPECT_EQ(addresses(restricted({table, table})), std::vector{table});
}

TEST_F(ClosureTest, NothingNamedIsNothingDropped) {
  const Closure closure = cascade({});
  EXPECT_FALSE(closure.refused);
  EXPECT_TRUE(closure.entries.empty());
}

TEST_F(ClosureTest, ObjectsOfDifferentClassesWithTheSameNumberAreDifferent) {
  const Address table = catalog.add(ObjectKind::table, "table");
  const Address function = catalog.add(ObjectKind::function, "function");
  const Address view = catalog.add(ObjectKind::view, "view");
  ASSERT_EQ(table.object_id, function.object_id);
  catalog.depend(view, function, 'n');
  EXPECT_EQ(addresses(cascade({table})), std::vector{table});
  EXPECT_EQ(addresses(cascade({function})), (std::vector{function, view}));
}

} // namespace
} // namespace schema_guard::test
