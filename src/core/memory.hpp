// Memory for the core: every container allocates from an Arena, which the embedder supplies.
//
// Promise: nothing here frees on its own. An arena outlives what is made on it and is thrown away whole, so that
// skipping a destructor (PostgreSQL's ereport is a longjmp) leaks nothing. Containers have no default
// constructor: whoever makes one says which arena it lives on.
#pragma once

#include <boost/container/map.hpp>
#include <boost/container/vector.hpp>

#include <cstddef>
#include <cstring>
#include <functional>
#include <new>
#include <string_view>
#include <utility>

namespace schema_guard {

// Where memory comes from. allocate() never returns null: it raises the embedder's error instead.
class Arena {
public:
  virtual void *allocate(std::size_t bytes) = 0;
  virtual void release(void *memory) = 0;

  // A copy of `text` that lives as long as the arena.
  std::string_view copy(std::string_view text) {
    if (text.empty())
      return {};
    auto *bytes = static_cast<char *>(allocate(text.size()));
    std::memcpy(bytes, text.data(), text.size());
    return {bytes, text.size()};
  }

  // An object on the arena. Its destructor is never run.
  template <typename T, typename... Arguments> T *make(Arguments &&...arguments) {
    return new (allocate(sizeof(T))) T(std::forward<Arguments>(arguments)...);
  }

protected:
  ~Arena() = default;
};

template <typename T> class Allocator {
public:
  using value_type = T;

  explicit Allocator(Arena &arena) noexcept : arena_(&arena) {}
  template <typename U> Allocator(const Allocator<U> &other) noexcept : arena_(other.arena()) {}

  T *allocate(std::size_t count) {
    if (count > static_cast<std::size_t>(-1) / sizeof(T))
      boost::container::throw_length_error("schema_guard: allocation is too large");
    return static_cast<T *>(arena_->allocate(count * sizeof(T)));
  }
  void deallocate(T *memory, std::size_t) noexcept { arena_->release(memory); }

  Arena *arena() const noexcept { return arena_; }
  template <typename U> bool operator==(const Allocator<U> &other) const noexcept { return arena_ == other.arena(); }

private:
  Arena *arena_;
};

template <typename T> class Vector : public boost::container::vector<T, Allocator<T>> {
public:
  explicit Vector(Arena &arena) : boost::container::vector<T, Allocator<T>>(Allocator<T>(arena)) {}
};

template <typename Key, typename Value>
class Map : public boost::container::map<Key, Value, std::less<Key>, Allocator<std::pair<const Key, Value>>> {
  using Base = boost::container::map<Key, Value, std::less<Key>, Allocator<std::pair<const Key, Value>>>;

public:
  explicit Map(Arena &arena) : Base(Allocator<std::pair<const Key, Value>>(arena)) {}
};

} // namespace schema_guard
