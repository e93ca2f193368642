// close() on the shapes that databases have: owners and parts, partitions, columns, cycles and depth.
#include "closure_fixture.hpp"

#include <pthread.h>

namespace schema_guard::test {
namespace {

// A view's rule: dropping what the rule uses drops the view, and the view brings its row type.
TEST_F(ClosureTest, AnOwnerReachedByItsPartBringsItsOtherParts) {
  const Address table = catalog.add(ObjectKind::table, "table");
  const Address view = catalog.add(ObjectKind::view, "view");
  const Address rewrite = catalog.add(ObjectKind::other, "rewrite");
  const Address row_type = catalog.add(ObjectKind::type, "row type");
  const Address function = catalog.add(ObjectKind::function, "function of the row type");
  catalog.depend(rewrite, table, 'n');
  catalog.depend(rewrite, view, 'i');
  catalog.depend(row_type, view, 'i');
  catalog.depend(function, row_type, 'n');

  const Closure closure = cascade({table});
  EXPECT_FALSE(closure.refused);
  EXPECT_EQ(closure.entries.size(), 5U);
  EXPECT_TRUE(entry(closure, view).reverse);
  EXPECT_TRUE(entry(closure, row_type).owned());
  EXPECT_TRUE(entry(closure, function).normal);
  EXPECT_TRUE(restricted({table}).refused);
}

TEST_F(ClosureTest, AnOwnerReachedOnlyByItsPartIsRefusedUnderRestrict) {
  const Address column = catalog.add(ObjectKind::table, "table");
  const Address sequence = catalog.add(ObjectKind::sequence, "sequence");
  const Address owner = catalog.add(ObjectKind::table, "owner");
  catalog.depend(sequence, column, 'a');
  catalog.depend(sequence, owner, 'i');
  EXPECT_TRUE(restricted({column}).refused) << "the sequence may go, its owner may not";
  EXPECT_FALSE(cascade({column}).refused);
}

TEST_F(ClosureTest, AnExtensionGoesWhenACascadeReachesAMember) {
  const Address schema = catalog.add(ObjectKind::schema, "schema");
  const Address extension = catalog.add(ObjectKind::extension, "extension");
  const Address member = catalog.add(ObjectKind::function, "member");
  const Address sibling = catalog.add(ObjectKind::table, "sibling");
  catalog.depend(member, schema, 'n');
  catalog.depend(member, extension, 'e');
  catalog.depend(sibling, extension, 'e');
  const Closure closure = cascade({schema});
  EXPECT_TRUE(closure.contains(extension));
  EXPECT_TRUE(closure.contains(sibling));
}

TEST_F(ClosureTest, ANamedPartIsRefusedWhateverElseIsNamed) {
  const Address type = catalog.add(ObjectKind::type, "type");
  const Address array = catalog.add(ObjectKind::type, "array");
  const Address bystander = catalog.add(ObjectKind::type, "bystander");
  catalog.depend(array, type, 'i');
  EXPECT_TRUE(cascade({bystander, array}).refused);
  EXPECT_FALSE(cascade({type, array}).refused);
}

// PostgreSQL deletes target by target: the owner has gone with the first when it comes to the second. Refused here,
// the statement would be judged as having no effects.
TEST_F(ClosureTest, ANamedPartWhoseOwnerGoesWithAnEarlierTargetIsNotRefused) {
  const Address base = catalog.add(ObjectKind::type, "base");
  const Address domain = catalog.add(ObjectKind::type, "domain over base");
  const Address second = catalog.add(ObjectKind::type, "domain over domain");
  const Address array = catalog.add(ObjectKind::type, "array of the second domain");
  catalog.depend(domain, base, 'n');
  catalog.depend(second, domain, 'n');
  catalog.depend(array, second, 'i');
  const Closure closure = cascade({base, array});
  EXPECT_FALSE(closure.refused);
  EXPECT_EQ(closure.entries.size(), 4U);
}

// An owner that goes as a dependent anyway is not taken for one that only its part brings along.
TEST_F(ClosureTest, AnOwnerThatIsInAlreadyIsNotMarked) {
  const Address schema = catalog.add(ObjectKind::schema, "schema");
  const Address view = catalog.add(ObjectKind::view, "view");
  const Address rewrite = catalog.add(ObjectKind::other, "rewrite");
  catalog.depend(view, schema, 'n');
  catalog.depend(rewrite, view, 'i');
  EXPECT_FALSE(entry(cascade({schema}), view).reverse);
}

class PartitionedTable : public ClosureTest {
protected:
  PartitionedTable() {
    catalog.depend(partition, parent, 'a');
    catalog.depend(parent_index, parent, 'a');
    catalog.depend(partition_index, parent_index, 'P');
    catalog.depend(partition_index, partition, 'S');
  }

  Address parent = catalog.add(ObjectKind::table, "parent");
  Address partition = catalog.add(ObjectKind::table, "partition");
  Address parent_index = catalog.add(ObjectKind::index, "parent's index");
  Address partition_index = catalog.add(ObjectKind::index, "partition's index");
};

TEST_F(PartitionedTable, TheParentTakesItsPartitionsUnderRestrict) {
  const Closure closure = restricted({parent});
  EXPECT_FALSE(closure.refused);
  EXPECT_EQ(closure.entries.size(), 4U);
}

TEST_F(PartitionedTable, OnePartitionGoesByItself) {
  const Closure closure = restricted({partition});
  EXPECT_FALSE(closure.refused);
  EXPECT_EQ(addresses(closure), (std::vector{partition, partition_index}));
}

TEST_F(PartitionedTable, TheParentsIndexTakesThePartitions) {
  const Closure closure = restricted({parent_index});
  EXPECT_FALSE(closure.refused);
  EXPECT_EQ(addresses(closure), (std::vector{parent_index, partition_index}));
}

TEST_F(PartitionedTable, APartitionsIndexCannotBeNamed) { EXPECT_TRUE(cascade({partition_index}).refused); }

TEST_F(PartitionedTable, APartitionsIndexNamedBesideItsParentGoes) {
  EXPECT_FALSE(restricted({parent_index, partition_index}).refused);
}

// "There is something that it depends on as a partition, and none of those goes": findDependentObjects refuses that.
TEST_F(PartitionedTable, APartitionsPartReachedAnotherWayIsRefused) {
  const Address operators = catalog.add(ObjectKind::other, "operator class");
  catalog.depend(partition_index, operators, 'n');
  EXPECT_TRUE(cascade({operators}).refused);
  catalog.depend(parent_index, operators, 'n');
  EXPECT_FALSE(cascade({operators}).refused);
}

class Columns : public ClosureTest {
protected:
  Columns() {
    catalog.depend(view, column, 'n');
    catalog.depend(index, column, 'a');
  }

  Address table = catalog.add(ObjectKind::table, "table");
  Address column = catalog.add_column(table, "column");
  Address other = catalog.add_column(table, "other");
  Address view = catalog.add(ObjectKind::view, "view");
  Address index = catalog.add(ObjectKind::index, "index");
};

TEST_F(Columns, AreReachedThroughTheirTable) {
  EXPECT_EQ(addresses(cascade({table})), (std::vector{table, view, index}));
  EXPECT_TRUE(restricted({table}).refused);
}

TEST_F(Columns, DoNotTakeTheirTable) {
  const Closure closure = cascade({column});
  EXPECT_FALSE(closure.contains(table));
  EXPECT_FALSE(closure.covers(table));
  EXPECT_TRUE(closure.covers(column));
  EXPECT_FALSE(closure.covers(other));
}

TEST_F(Columns, OfADroppedTableAreCovered) {
  const Closure closure = cascade({table});
  EXPECT_FALSE(closure.contains(column));
  EXPECT_TRUE(closure.covers(column));
}

TEST_F(Columns, OnlyTheirOwnDependentsGo) {
  EXPECT_EQ(addresses(cascade({other})), std::vector{other});
  EXPECT_FALSE(restricted({other}).refused);
}

// A column that depends on a column of its own table: a generated one, say.
TEST_F(Columns, OfOneTableDependOnEachOther) {
  const Address generated = catalog.add_column(table, "generated");
  catalog.depend(generated, other, 'a');
  EXPECT_EQ(addresses(restricted({other})), (std::vector{other, generated}));
}

// The table goes only by a cascade that reached a column first, and RESTRICT must not stumble over that column.
TEST_F(Columns, OfATableThatIsNamedDoNotCountAgainstRestrict) {
  const Address type = catalog.add(ObjectKind::type, "type");
  catalog.depend(other, type, 'n');
  EXPECT_TRUE(restricted({type}).refused);
  const Closure closure = restricted({type, table, view});
  EXPECT_FALSE(closure.refused);
}

TEST_F(Columns, DependingOnTheirOwnTableAreNoEntriesOfTheirOwn) {
  catalog.depend(other, table, 'n');
  const Closure closure = restricted({table, view});
  EXPECT_FALSE(closure.refused);
  EXPECT_FALSE(closure.contains(other));
}

// As those of a partition key are.
TEST_F(Columns, OwnedByTheirOwnTableTakeItAlong) {
  catalog.depend(column, table, 'i');
  EXPECT_TRUE(cascade({column}).refused) << "by name";
  const Address domain = catalog.add(ObjectKind::type, "domain");
  catalog.depend(column, domain, 'n');
  const Closure closure = cascade({domain});
  EXPECT_FALSE(closure.refused);
  EXPECT_TRUE(closure.contains(table));
}

TEST_F(ClosureTest, CyclesEnd) {
  std::vector<Address> ring;
  for (int place = 0; place < 7; ++place)
    ring.push_back(catalog.add(ObjectKind::view, "view"));
  for (std::size_t place = 0; place < ring.size(); ++place)
    catalog.depend(ring[(place + 1) % ring.size()], ring[place], place % 2 == 0 ? 'n' : 'i');
  catalog.depend(ring[3], ring[3], 'n');
  const Closure closure = cascade({ring[0]});
  EXPECT_EQ(closure.entries.size(), ring.size());
}

// Depth costs no stack: with a frame an object, this many would not fit into the thread's.
constexpr int chain_length = 100'000;
constexpr std::size_t small_stack = std::size_t{512} * 1024;

struct Chain {
  FakeCatalog catalog;
  Address first = {};
  std::size_t found = 0;
  bool refused = true;

  explicit Chain(char letter, bool reversed) {
    Address last = first = catalog.add(ObjectKind::view, "view");
    for (int place = 1; place < chain_length; ++place) {
      const Address next = catalog.add(ObjectKind::view, "view");
      if (reversed)
        catalog.depend(last, next, letter);
      else
        catalog.depend(next, last, letter);
      last = next;
    }
  }

  static void *walk(void *argument) {
    Chain &chain = *static_cast<Chain *>(argument);
    HeapArena arena;
    // The first is reached over another object, since a part may not be named.
    const Address start = chain.catalog.add(ObjectKind::schema, "schema");
    chain.catalog.depend(chain.first, start, 'n');
    Vector<Address> targets(arena);
    targets.push_back(start);
    const Closure closure = close(targets, true, chain.catalog, arena);
    chain.found = closure.entries.size();
    chain.refused = closure.refused;
    return nullptr;
  }

  void walk_on_a_small_stack() {
    pthread_attr_t attributes;
    ASSERT_EQ(pthread_attr_init(&attributes), 0);
    ASSERT_EQ(pthread_attr_setstacksize(&attributes, small_stack), 0);
    pthread_t thread = {};
    ASSERT_EQ(pthread_create(&thread, &attributes, walk, this), 0);
    ASSERT_EQ(pthread_join(thread, nullptr), 0);
    pthread_attr_destroy(&attributes);
    EXPECT_FALSE(refused);
    EXPECT_EQ(found, std::size_t{chain_length} + 1);
  }
};

TEST(DeepChain, OfDependents) { Chain('n', false).walk_on_a_small_stack(); }
TEST(DeepChain, OfParts) { Chain('i', false).walk_on_a_small_stack(); }
TEST(DeepChain, OfOwners) { Chain('i', true).walk_on_a_small_stack(); }

} // namespace
} // namespace schema_guard::test
