// Arenas, and the containers that live on them.
#include "core/memory.hpp"
#include "heap_arena.hpp"

#include <gtest/gtest.h>

#include <string>
#include <type_traits>

namespace schema_guard::test {
namespace {

// Whoever makes a container says where it lives.
static_assert(!std::is_default_constructible_v<Vector<int>>);
static_assert(!std::is_default_constructible_v<Map<int, int>>);
static_assert(!std::is_default_constructible_v<Allocator<int>>);

TEST(Arena, CopiesText) {
  HeapArena arena;
  std::string text = "orders";
  const std::string_view copy = arena.copy(text);
  text = "ORDERS";
  EXPECT_EQ(copy, "orders");
  EXPECT_EQ(arena.held(), 1U);
}

TEST(Arena, CopiesNothingWithoutAllocating) {
  HeapArena arena;
  EXPECT_TRUE(arena.copy("").empty());
  EXPECT_EQ(arena.held(), 0U);
}

TEST(Arena, ContainersGiveBackWhatTheyTook) {
  HeapArena arena;
  {
    Vector<int> numbers(arena);
    Map<int, int> squares(arena);
    for (int number = 0; number < 1000; ++number) {
      numbers.push_back(number);
      squares.emplace(number, number * number);
    }
    EXPECT_GT(arena.held(), 1000U);
  }
  EXPECT_EQ(arena.held(), 0U);
}

// ereport() is a longjmp: the arena's end is the only one that such a container has.
TEST(Arena, AContainerWhoseDestructorNeverRunsGoesWithIt) {
  HeapArena arena;
  auto *numbers = arena.make<Vector<int>>(arena);
  numbers->push_back(42);
  EXPECT_EQ(arena.held(), 2U);
}

TEST(ArenaDeathTest, AnAllocationWhoseSizeOverflowsIsRefused) {
  HeapArena arena;
  Allocator<std::uint64_t> allocator(arena);
  EXPECT_DEATH((void)allocator.allocate(static_cast<std::size_t>(-1) / 4), "too large");
}

} // namespace
} // namespace schema_guard::test
