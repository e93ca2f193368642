// What the core leaves to its embedder, as far as a test program is concerned: a container that overflows or runs
// out of memory ends the program, with the reason.
#include <boost/container/throw_exception.hpp>

#include <cstdio>
#include <cstdlib>

namespace boost::container {

namespace {

[[noreturn]] void fail(const char *message) {
  std::fprintf(stderr, "boost::container: %s\n", message);
  std::abort();
}

} // namespace

void throw_bad_alloc() { fail("out of memory"); }
void throw_length_error(const char *message) { fail(message); }
void throw_out_of_range(const char *message) { fail(message); }
void throw_logic_error(const char *message) { fail(message); }
void throw_runtime_error(const char *message) { fail(message); }

} // namespace boost::container
