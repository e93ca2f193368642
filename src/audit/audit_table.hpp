// The audit table's writer for statements that pass: one tuple, inserted directly, in the statement's transaction.
#pragma once

#include "audit/record.hpp"

namespace schema_guard {

// False, with nothing written, if the table can't be had at once or is not shaped as the extension made it; the
// caller then keeps the record in the journal. Never waits for a lock.
bool insert_record(const AuditRecord &record);

// True if the table has the columns that the extension gave it. False, too, if it can't be had at once.
bool audit_table_fits();

} // namespace schema_guard
