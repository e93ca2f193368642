// absorb_journal(): the absorption by hand.
#include "audit/absorber.hpp"
#include "pg/arguments.hpp"

extern "C" {
#include "access/htup_details.h"
#include "funcapi.h"

PG_FUNCTION_INFO_V1(schema_guard_absorb_journal);
}

namespace schema_guard {

namespace {

constexpr int batch = 1000;
constexpr int most_tries = 100; // of 10 milliseconds each

Absorption absorb_when_free() {
  for (int tries = 0;; ++tries) {
    const Absorption result = absorb(batch);
    if (!result.busy)
      return result;
    if (tries == most_tries)
      ereport(ERROR, errcode(ERRCODE_LOCK_NOT_AVAILABLE),
              errmsg("another session is absorbing the schema_guard journal, or holds a lock on its tables"));
    CHECK_FOR_INTERRUPTS();
    pg_usleep(10000);
  }
}

} // namespace

} // namespace schema_guard

Datum schema_guard_absorb_journal(PG_FUNCTION_ARGS) {
  using namespace schema_guard;
  require_administrator("absorb_journal");
  Absorption total{.entries = 0, .damaged_bytes = 0, .damaged_at = -1, .busy = false, .complete = false};
  while (!total.complete) {
    const Absorption part = absorb_when_free();
    total.entries += part.entries;
    total.damaged_bytes += part.damaged_bytes;
    total.damaged_at = total.damaged_at < 0 ? part.damaged_at : total.damaged_at;
    total.complete = part.complete;
    CommandCounterIncrement();
    CHECK_FOR_INTERRUPTS();
  }

  TupleDesc descriptor = nullptr;
  if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE)
    elog(ERROR, "schema_guard: return type must be a row type");
  Datum values[] = {Int64GetDatum(total.entries), Int64GetDatum(total.damaged_bytes), Int64GetDatum(total.damaged_at)};
  bool nulls[] = {false, false, total.damaged_at < 0};
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
