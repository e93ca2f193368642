#include "approval/request.hpp"

#include "pg/digest.hpp"
#include "pg/extension.hpp"
#include "pg/memory.hpp"
#include "pg/query.hpp"
#include "pg/sequence.hpp"

extern "C" {
#include "access/xlog.h"
#include "lib/stringinfo.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
}

#include <algorithm>

namespace schema_guard {

namespace {

// What this session filed last: before the absorber has come to it, no table knows.
struct LastFiled {
  char key[65];
  int64 id;
};
LastFiled last_filed{};

KeptStatement find_pending{
    "SELECT id FROM ONLY schema_guard.request WHERE request_key = $1 AND status = 'pending' ORDER BY id LIMIT 1"};
KeptStatement find_request{"SELECT FROM ONLY schema_guard.request WHERE id = $1"};

int64 pending_request(const char *key) {
  GuardQuery query = GuardQuery::open();
  query.execute(find_pending, {text_argument(key)});
  const int64 id = query.rows() > 0 ? query.bigint(0, 1) : 0;
  query.close();
  return id;
}

bool is_filed(int64 id) {
  GuardQuery query = GuardQuery::open();
  query.execute(find_request, {bigint_argument(id)});
  const bool filed = query.rows() > 0;
  query.close();
  return filed;
}

// A transaction that fails does not wait for what it has written to the log. The journal, which names the number, is
// flushed though; so the sequence's advance must be as well.
int64 next_number() {
  const GuardObjects *objects = whole_guard();
  if (objects == nullptr || !ConditionalLockRelationOid(objects->request_sequence, RowExclusiveLock))
    return 0;
  const XLogRecPtr before = XactLastRecEnd;
  const int64 id = allocate_numbers(objects->request_sequence, 1);
  if (XactLastRecEnd != before)
    XLogFlush(XactLastRecEnd);
  return id;
}

} // namespace

char *request_key(const Effects &effects, const Verdict &verdict) {
  ContextArena arena;
  Vector<ApprovedEffect> parts(arena);
  for (std::size_t place = 0; place < effects.list.size(); ++place)
    if (verdict.actions[place] != Action::allow)
      parts.push_back({effects.list[place].rule, effects.list[place].address, 0, false, effects.list[place].detail});
  std::sort(parts.data(), parts.data() + parts.size());

  StringInfoData list;
  initStringInfo(&list);
  appendStringInfo(&list, "%u", GetSessionUserId());
  for (const ApprovedEffect &part : parts)
    appendStringInfo(&list, ";%d:%u:%u:%d:%.*s", static_cast<int>(part.rule), part.address.class_id,
                     part.address.object_id, part.address.sub_id, static_cast<int>(part.detail.size()),
                     part.detail.data());
  return sha256_hexadecimal({list.data, static_cast<std::size_t>(list.len)});
}

RequestNumber number_request(const char *key) {
  // Without a look at the requests it gets a number of its own; the absorber joins it to what is pending.
  if (!try_lock_for_reading({guard_objects()->request}))
    return {next_number(), false};
  if (const int64 id = pending_request(key); id != 0)
    return {id, true};
  if (strcmp(key, last_filed.key) == 0 && !is_filed(last_filed.id))
    return {last_filed.id, true};
  return {next_number(), false};
}

void remember_filed(const char *key, int64 id) {
  strlcpy(last_filed.key, key, sizeof(last_filed.key));
  last_filed.id = id;
}

} // namespace schema_guard
