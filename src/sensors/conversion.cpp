#include "sensors/conversion.hpp"

#include "core/alteration.hpp"
#include "pg/live_catalog.hpp"
#include "pg/live_types.hpp"
#include "pg/memory.hpp"
#include "pg/settings.hpp"
#include "sensors/sensor.hpp"
#include "sensors/statement.hpp"
#include "sensors/unforeseen.hpp"

extern "C" {
#include "utils/lsyscache.h"
}

namespace schema_guard {

namespace {

// What the statement does to a column of this name; null if nothing.
const Conversion *conversion_of(const Statement &statement, const Address &column) {
  const char *name = get_attname(column.object_id, static_cast<AttrNumber>(column.sub_id), true);
  for (const Target &target : *statement.conversions)
    if (name != nullptr && target.member == name)
      return target.conversion;
  return nullptr;
}

ConvertedColumn &entry_of(Statement &statement, const Address &column, const ColumnType &type) {
  for (ConvertedColumn &each : *statement.converted)
    if (each.column == column)
      return each;
  statement.converted->push_back({column, type});
  return statement.converted->back();
}

bool is_lossy(const Conversion &conversion, const ColumnType &from, const ColumnType &to) {
  ContextArena arena;
  LiveCatalog catalog(arena);
  const bool result = may_lose(conversion, from, to, catalog);
  catalog.close();
  return result;
}

} // namespace

void column_altered(const Address &column) {
  Statement *statement = innermost_statement();
  if (statement == nullptr || statement->conversions == nullptr)
    return;
  const Conversion *conversion = conversion_of(*statement, column);
  const std::optional<ColumnType> type = type_of_column(column);
  const std::optional<ColumnType> becomes = type_being_given(column);
  if (conversion == nullptr || !type || !becomes)
    return;
  ConvertedColumn &entry = entry_of(*statement, column, *type);
  // What the statement does to the column next is another subcommand's.
  if (entry.done)
    return;
  const bool lossy = is_lossy(*conversion, *type, *becomes);
  // And so is what it did before, such as DROP NOT NULL.
  if (*type == *becomes && !lossy)
    return;
  const bool has_been_judged = entry.lossy && entry.type == *type;
  entry = {column, *type, lossy, true};
  if (lossy && !has_been_judged)
    judge_unforeseen(column, Deed::convert, "ALTER TABLE");
}

void judge_finished_conversions() {
  Statement *statement = innermost_statement();
  if (statement == nullptr || statement->conversions == nullptr || !is_at_work(Sensor::object_access))
    return;
  // Judging is PostgreSQL's queries too: nothing of the list is held on to meanwhile.
  for (std::size_t place = 0; place < statement->converted->size(); ++place) {
    const ConvertedColumn entry = (*statement->converted)[place];
    const Conversion *conversion = conversion_of(*statement, entry.column);
    const std::optional<ColumnType> type = type_of_column(entry.column);
    if (!entry.done || entry.lossy || conversion == nullptr || !type || !is_lossy(*conversion, entry.type, *type))
      continue;
    (*statement->converted)[place].lossy = true;
    judge_unforeseen(entry.column, Deed::convert, "ALTER TABLE");
  }
}

} // namespace schema_guard
