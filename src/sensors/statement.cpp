#include "sensors/statement.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

#include <iterator>

namespace schema_guard {

namespace {

constexpr std::size_t most_begun = 100;
constexpr std::size_t longest_begun = 1000; // bytes of a statement's text

TransactionState *state = nullptr;

TransactionState &ensure_state() {
  if (state == nullptr)
    state = new (MemoryContextAlloc(TopTransactionContext, sizeof(TransactionState)))
        TransactionState(TopTransactionContext);
  return *state;
}

const char *copy(MemoryContext context, const char *text) {
  return text == nullptr ? nullptr : MemoryContextStrdup(context, text);
}

const char *copy_start(MemoryContext context, const char *text) {
  if (text == nullptr)
    return nullptr;
  const size_t length = strlen(text);
  if (length <= longest_begun)
    return MemoryContextStrdup(context, text);
  MemoryContext previous = MemoryContextSwitchTo(context);
  const char *start = psprintf("%.*s...", pg_mbcliplen(text, static_cast<int>(length), longest_begun), text);
  MemoryContextSwitchTo(previous);
  return start;
}

Effect copy_effect(const Effect &effect, Arena &arena) {
  Effect result = effect;
  result.description.object_type = arena.copy(effect.description.object_type);
  result.description.identity = arena.copy(effect.description.identity);
  result.description.path = arena.copy(effect.description.path);
  result.detail = arena.copy(effect.detail);
  return result;
}

// Everything at or below an ended level: gone if that was rolled back, the parent's if not.
template <typename List, typename LevelOf, typename Drop>
void end_level(List &list, int level, bool committed, LevelOf level_of, Drop drop) {
  std::size_t kept = 0;
  for (std::size_t place = 0; place < list.size(); ++place) {
    auto &item = list[place];
    if (level_of(item) >= level) {
      if (committed)
        level_of(item) = level - 1;
      else if (drop(item))
        continue;
    }
    if (kept != place)
      list[kept] = item;
    ++kept;
  }
  while (list.size() > kept)
    list.pop_back();
}

} // namespace

TransactionState *transaction_state() { return state; }

void begin_statement(const Node *tree, const AuditRecord &record, bool recorded) {
  TransactionState &now = ensure_state();
  const int level = GetCurrentTransactionNestLevel();
  MemoryContext context = AllocSetContextCreate(TopTransactionContext, "schema_guard statement", ALLOCSET_SMALL_SIZES);
  auto *arena = new (MemoryContextAlloc(context, sizeof(ContextArena))) ContextArena(context);
  auto *changed = new (MemoryContextAlloc(context, sizeof(Vector<Address>))) Vector<Address>(*arena);
  auto *dropped =
      new (MemoryContextAlloc(context, sizeof(Vector<ObjectDescription>))) Vector<ObjectDescription>(*arena);
  now.under_way.push_back({tree, copy_record(context, record), recorded, false, false, level, context, changed, dropped,
                           nullptr, nullptr, nullptr, nullptr, nullptr, nullptr});
  if (!recorded)
    return;
  ++now.begun_count;
  if (now.begun.size() < most_begun)
    now.begun.push_back({copy(TopTransactionContext, record.command_tag),
                         copy_start(TopTransactionContext, record.statement), level, false});
  // Once for a transaction: one of many statements would otherwise keep as many copies.
  if (now.begun_count == 1)
    now.first = copy_record(TopTransactionContext, record);
}

void keep_effects(const Effects &effects, const Verdict &verdict) {
  Statement *statement = innermost_statement();
  if (statement == nullptr)
    return;
  auto *arena = new (MemoryContextAlloc(statement->context, sizeof(ContextArena))) ContextArena(statement->context);
  statement->effects = arena->make<Effects>(*arena);
  statement->actions = arena->make<Vector<Action>>(*arena);
  for (std::size_t place = 0; place < effects.list.size(); ++place) {
    statement->effects->list.push_back(copy_effect(effects.list[place], *arena));
    statement->actions->push_back(verdict.actions[place]);
  }
}

void keep_unless_refused(const Effects &effects) {
  Statement *statement = innermost_statement();
  if (statement == nullptr || effects.unless_refused.empty())
    return;
  auto *arena = new (MemoryContextAlloc(statement->context, sizeof(ContextArena))) ContextArena(statement->context);
  statement->unless_refused = arena->make<Effects>(*arena);
  for (const Effect &effect : effects.unless_refused)
    statement->unless_refused->list.push_back(copy_effect(effect, *arena));
}

void keep_conversions(const Command &command, const Vector<ConvertedColumn> &judged) {
  Statement *statement = innermost_statement();
  auto *arena = new (MemoryContextAlloc(statement->context, sizeof(ContextArena))) ContextArena(statement->context);
  statement->conversions = arena->make<Vector<Target>>(*arena);
  statement->converted = arena->make<Vector<ConvertedColumn>>(*arena);
  for (const ConvertedColumn &column : judged)
    statement->converted->push_back(column);
  for (const Target &target : command.targets) {
    if (target.deed != Deed::convert)
      continue;
    auto *conversion = arena->make<Conversion>(*arena);
    conversion->of_the_column = target.conversion->of_the_column;
    for (const ConversionStep &step : target.conversion->steps) // whose names are the statement's tree
      conversion->steps.push_back(step);
    statement->conversions->push_back(target);
    statement->conversions->back().member = arena->copy(target.member);
    statement->conversions->back().conversion = conversion;
  }
}

void expect_failure() {
  Statement *statement = innermost_statement();
  auto *arena = new (MemoryContextAlloc(statement->context, sizeof(ContextArena))) ContextArena(statement->context);
  statement->expected_to_fail = arena->make<Vector<Address>>(*arena);
}

Statement *innermost_statement() {
  return state == nullptr || state->under_way.empty() ? nullptr : &state->under_way.back();
}

Statement *statement_under_way(const Node *tree) {
  if (state == nullptr)
    return nullptr;
  // What stands above it failed in a way that no callback told of.
  std::size_t place = state->under_way.size();
  while (place > 0 && state->under_way[place - 1].tree != tree)
    --place;
  if (place == 0)
    return nullptr;
  while (state->under_way.size() > place)
    finish_statement();
  return &state->under_way.back();
}

void finish_statement() {
  if (state == nullptr || state->under_way.empty())
    return;
  const int depth = static_cast<int>(state->under_way.size());
  for (auto place = state->cleared.begin(); place != state->cleared.end();)
    place = place->second.depth >= depth ? state->cleared.erase(place) : std::next(place);
  MemoryContextDelete(state->under_way.back().context);
  state->under_way.pop_back();
}

void note_changed(const Address &object) {
  if (state == nullptr || state->under_way.empty())
    return;
  Vector<Address> &changed = *state->under_way.back().changed;
  // The same object comes several times in a row; more objects than anyone reads are not kept.
  if (changed.size() < most_changed && (changed.empty() || changed.back() != object))
    changed.push_back(object);
}

bool wants_dropped() {
  const Statement *statement = innermost_statement();
  return statement != nullptr && statement->record.effects == nullptr && statement->changed->empty() &&
         statement->dropped->size() < most_changed;
}

void note_dropped(const ObjectDescription &object) {
  Statement *statement = innermost_statement();
  ContextArena arena(statement->context);
  statement->dropped->push_back(
      {.object_type = arena.copy(object.object_type), .identity = arena.copy(object.identity), .path = {}});
}

void forget_begun_statement() {
  if (state == nullptr || state->begun_count == 0)
    return;
  if (state->begun_count == static_cast<int64>(state->begun.size()))
    state->begun.pop_back();
  --state->begun_count;
}

void forget_begun_statements() {
  if (state == nullptr)
    return;
  state->begun.clear();
  state->begun_count = 0;
}

void clear_effect(Deed deed, const Address &object) {
  TransactionState &now = ensure_state();
  now.cleared.insert_or_assign({deed, object}, TransactionState::Cleared{GetCurrentTransactionNestLevel(),
                                                                         static_cast<int>(now.under_way.size())});
}

bool take_cleared_drop(const Address &object) {
  if (state == nullptr)
    return false;
  // PostgreSQL may delete a column first, on the way of another dependency, and its table after it.
  if (object.sub_id != 0 && state->cleared.find({Deed::drop, object.whole()}) != state->cleared.end())
    return true;
  const auto place = state->cleared.find({Deed::drop, object});
  if (place == state->cleared.end())
    return false;
  state->cleared.erase(place);
  return true;
}

bool is_cleared_truncation(const Address &object) {
  return state != nullptr && state->cleared.find({Deed::truncate, object}) != state->cleared.end();
}

void clear_rows(Oid table) {
  TransactionState &now = ensure_state();
  now.rows_cleared_of = table;
  // Used from here on, so that the next command has another, even if this one changes nothing.
  now.rows_cleared_in = GetCurrentCommandId(true);
}

bool rows_are_cleared(Oid table) {
  return state != nullptr && state->rows_cleared_of == table && state->rows_cleared_in == GetCurrentCommandId(false);
}

bool cleared_effects_left() {
  if (state == nullptr)
    return false;
  const int depth = static_cast<int>(state->under_way.size());
  for (const auto &[act, cleared] : state->cleared)
    if (act.deed == Deed::drop && cleared.depth == depth)
      return true;
  return false;
}

void keep_rehearsed(const Effects &effects, const Verdict &verdict, const AuditRecord &record) {
  TransactionState &now = ensure_state();
  const int level = GetCurrentTransactionNestLevel();
  for (std::size_t place = 0; place < effects.list.size(); ++place) {
    if (verdict.actions[place] == Action::allow)
      continue;
    now.rehearsed.push_back({copy_effect(effects.list[place], now.arena), verdict.actions[place], level});
  }
  if (now.rehearsed_statement == nullptr) {
    now.rehearsed_statement = copy(TopTransactionContext, record.statement);
    now.rehearsed_tag = copy(TopTransactionContext, record.command_tag);
  }
}

size_t keep_unwritten(const AuditRecord &record) {
  TransactionState &now = ensure_state();
  MemoryContext previous = MemoryContextSwitchTo(TopTransactionContext);
  const char *payload = record_json(record, nullptr);
  now.unwritten.push_back(payload);
  MemoryContextSwitchTo(previous);
  return strlen(payload);
}

void statements_subtransaction_ended(int level, bool committed) {
  if (state == nullptr)
    return;
  end_level(
      state->under_way, level, committed, [](Statement &item) -> int & { return item.level; },
      [](Statement &item) {
        MemoryContextDelete(item.context);
        return true;
      });
  end_level(
      state->begun, level, committed, [](BegunStatement &item) -> int & { return item.level; },
      [](BegunStatement &item) {
        item.failed = true;
        item.level = 0; // has failed for good, whatever happens to the levels above
        return false;
      });
  end_level(
      state->rehearsed, level, committed, [](RehearsedEffect &item) -> int & { return item.level; },
      [](RehearsedEffect &) { return true; });
  for (auto place = state->cleared.begin(); place != state->cleared.end();) {
    if (place->second.level >= level && !committed) {
      place = state->cleared.erase(place);
      continue;
    }
    place->second.level = Min(place->second.level, committed ? level - 1 : place->second.level);
    ++place;
  }
}

void statements_transaction_ended() { state = nullptr; }

} // namespace schema_guard
