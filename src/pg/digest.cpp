#include "pg/digest.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
}

namespace schema_guard {

char *sha256_hexadecimal(std::string_view input) {
  const Datum bytes = PointerGetDatum(cstring_to_text_with_len(input.data(), static_cast<int>(input.size())));
  const Datum hash = DirectFunctionCall1(sha256_bytea, bytes);
  return TextDatumGetCString(DirectFunctionCall2(binary_encode, hash, CStringGetTextDatum("hex")));
}

} // namespace schema_guard
