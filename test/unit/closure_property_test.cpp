// close() on random databases, against the plainest thing that could be right: take rows until none is left to take.
#include "closure_fixture.hpp"

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>

namespace schema_guard::test {
namespace {

struct Row {
  Address dependent;
  Address referenced;
  char letter;
};

// A generator's own numbers, not a distribution's: those differ between standard libraries.
class Dice {
public:
  explicit Dice(std::uint32_t seed) : engine_(seed) {}
  std::size_t below(std::size_t limit) { return engine_() % limit; }
  bool one_in(std::size_t chances) { return below(chances) == 0; }

private:
  std::mt19937 engine_;
};

struct Database {
  FakeCatalog catalog;
  std::vector<Address> objects; // columns included
  std::vector<Row> rows;

  explicit Database(Dice &dice) {
    const std::size_t tables = 3 + dice.below(25);
    for (std::size_t place = 0; place < tables; ++place) {
      const Address object = catalog.add(dice.one_in(3) ? ObjectKind::function : ObjectKind::table, "object");
      objects.push_back(object);
      for (std::size_t columns = dice.below(4); columns > 0; --columns)
        objects.push_back(catalog.add_column(object, "column"));
    }
    constexpr std::string_view letters = "nnnnaaiPSexZ";
    for (std::size_t count = dice.below(3 * objects.size()); count > 0; --count) {
      const Row row{objects[dice.below(objects.size())], objects[dice.below(objects.size())],
                    letters[dice.below(letters.size())]};
      rows.push_back(row);
      catalog.depend(row.dependent, row.referenced, row.letter);
    }
  }
};

bool has(const std::set<Address> &taken, const Address &address) {
  return taken.contains(address) || taken.contains(address.whole());
}

std::set<Address> reference_closure(const Database &database, const std::vector<Address> &targets) {
  const std::set<Address> named(targets.begin(), targets.end());
  std::set<Address> taken = named;
  for (bool grown = true; grown;) {
    grown = false;
    for (const Row &row : database.rows) {
      if (has(taken, row.referenced) && !has(taken, row.dependent))
        grown |= taken.insert(row.dependent).second;
      // Whatever takes a part takes what it is a part of, unless the statement names the part: that is refused.
      const bool owner = row.letter == 'i' || row.letter == 'e';
      const bool part_named = named.contains(row.dependent) || named.contains(row.dependent.whole());
      if (owner && has(taken, row.dependent) && !part_named && !has(taken, row.referenced) &&
          row.referenced != row.dependent.whole())
        grown |= taken.insert(row.referenced).second;
    }
  }
  return taken;
}

class RandomDatabase : public ::testing::TestWithParam<std::uint32_t> {};

constexpr int databases_for_a_seed = 200;

TEST_P(RandomDatabase, ClosureHasAllOfTheReference) {
  Dice dice(GetParam());
  std::size_t cascaded = 0;
  for (int round = 0; round < databases_for_a_seed; ++round) {
    Database database(dice);
    HeapArena arena;
    std::vector<Address> named;
    Vector<Address> targets(arena);
    for (std::size_t count = 1 + dice.below(3); count > 0; --count) {
      named.push_back(database.objects[dice.below(database.objects.size())]);
      targets.push_back(named.back());
    }
    const Closure closure = close(targets, true, database.catalog, arena);
    const std::set<Address> reference = reference_closure(database, named);
    for (const Address &address : reference)
      ASSERT_TRUE(closure.covers(address))
          << "round " << round << ", object " << address.object_id << " column " << address.sub_id << " is missing";
    cascaded += reference.size() - std::set<Address>(named.begin(), named.end()).size();

    // Each object once, and at the place that the map names.
    ASSERT_EQ(closure.places.size(), closure.entries.size());
    for (std::size_t place = 0; place < closure.entries.size(); ++place)
      ASSERT_EQ(closure.places.find(closure.entries[place].address)->second, place);

    // Nothing is there without a reason, and CASCADE never has less than RESTRICT.
    for (const ClosureEntry &entry : closure.entries)
      ASSERT_TRUE(entry.named || entry.normal || entry.reverse || entry.owned() || entry.partition);
    const Closure restricted = close(targets, false, database.catalog, arena);
    ASSERT_EQ(restricted.entries.size(), closure.entries.size());
    ASSERT_TRUE(restricted.refused || !closure.refused);
  }
  EXPECT_GT(cascaded, std::size_t{databases_for_a_seed}) << "the databases are too simple to show anything";
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomDatabase, ::testing::Range(std::uint32_t{1}, std::uint32_t{11}));

} // namespace
} // namespace schema_guard::test
