#include "pg/memory.hpp"

namespace schema_guard {

void *ContextArena::allocate(std::size_t bytes) { return MemoryContextAllocHuge(context_, bytes); }

void ContextArena::release(void *memory) {
  if (memory != nullptr)
    pfree(memory);
}

} // namespace schema_guard

// Boost.Container's containers report overflow and exhaustion through these, since BOOST_CONTAINER_USER_DEFINED_
// THROW_CALLBACKS is set: the error is then PostgreSQL's, and no C++ exception exists in this library.
namespace boost::container {

namespace {
[[noreturn]] void fail(int sqlstate, const char *message) {
  ereport(ERROR, errcode(sqlstate), errmsg("schema_guard: %s", message));
  pg_unreachable();
}
} // namespace

void throw_bad_alloc() { fail(ERRCODE_OUT_OF_MEMORY, "out of memory"); }
void throw_length_error(const char *message) { fail(ERRCODE_PROGRAM_LIMIT_EXCEEDED, message); }
void throw_out_of_range(const char *message) { fail(ERRCODE_INTERNAL_ERROR, message); }
void throw_logic_error(const char *message) { fail(ERRCODE_INTERNAL_ERROR, message); }
void throw_runtime_error(const char *message) { fail(ERRCODE_INTERNAL_ERROR, message); }

} // namespace boost::container

// The compiler names this in the tables of abstract classes. Defined here, the library needs no libstdc++.
extern "C" [[noreturn]] void __cxa_pure_virtual() // NOLINT(bugprone-reserved-identifier)
{
  elog(PANIC, "schema_guard: pure virtual function called");
  pg_unreachable();
}
