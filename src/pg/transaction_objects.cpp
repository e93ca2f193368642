#include "pg/transaction_objects.hpp"

#include "pg/memory.hpp"

namespace schema_guard::transaction_objects {

namespace {

// On the transaction's own memory, which goes at its end whatever happens.
struct Created {
  Created() : arena(TopTransactionContext), levels(arena) {}
  ContextArena arena;
  Map<Address, int> levels;
};

Created *created_objects = nullptr;

} // namespace

void created(const Address &object) {
  if (created_objects == nullptr)
    created_objects = new (MemoryContextAlloc(TopTransactionContext, sizeof(Created))) Created;
  created_objects->levels.emplace(object, GetCurrentTransactionNestLevel());
}

bool made_here(const Address &object) {
  if (created_objects == nullptr)
    return false;
  const auto &levels = created_objects->levels;
  return levels.find(object) != levels.end() || (object.sub_id != 0 && levels.find(object.whole()) != levels.end());
}

void subtransaction_ended(int level, bool committed) {
  if (created_objects == nullptr)
    return;
  auto &levels = created_objects->levels;
  for (auto place = levels.begin(); place != levels.end();) {
    if (place->second < level) {
      ++place;
    } else if (committed) {
      place->second = level - 1;
      ++place;
    } else {
      place = levels.erase(place);
    }
  }
}

void transaction_ended() { created_objects = nullptr; }

} // namespace schema_guard::transaction_objects
