// The core's Arena on a PostgreSQL memory context.
//
// Promise: running out of memory, or asking for too much of it, is an ordinary ERROR. Memory goes with its context, so
// an ereport past a live container leaks nothing and skips nothing that matters.
#pragma once

#include "core/memory.hpp"
#include "pg/pg.hpp"

namespace schema_guard {

class ContextArena final : public Arena {
public:
  explicit ContextArena(MemoryContext context) : context_(context) {}
  ContextArena() : context_(CurrentMemoryContext) {}

  void *allocate(std::size_t bytes) override;
  void release(void *memory) override;

  MemoryContext context() const { return context_; }

private:
  MemoryContext context_;
};

// A null-terminated copy in the current memory context.
inline char *c_string(std::string_view text) { return pnstrdup(text.data(), text.size()); }

} // namespace schema_guard
