// An arena on the heap, which gives back whatever is left when it goes: so a leak that the sanitizer reports is the
// core's own.
#pragma once

#include "core/memory.hpp"

#include <cstdlib>
#include <set>

namespace schema_guard::test {

class HeapArena final : public Arena {
public:
  HeapArena() = default;
  HeapArena(const HeapArena &) = delete;
  HeapArena &operator=(const HeapArena &) = delete;
  ~HeapArena() {
    for (void *memory : held_)
      std::free(memory);
  }

  void *allocate(std::size_t bytes) override {
    void *memory = std::malloc(bytes == 0 ? 1 : bytes);
    if (memory == nullptr)
      std::abort();
    held_.insert(memory);
    return memory;
  }

  // Aborts on memory that is not this arena's, or that has been released already.
  void release(void *memory) override {
    if (held_.erase(memory) != 1)
      std::abort();
    std::free(memory);
  }

  std::size_t held() const { return held_.size(); }

private:
  std::set<void *> held_;
};

} // namespace schema_guard::test
