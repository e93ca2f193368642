#include "pg/dependencies.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_depend.h"
#include "commands/extension.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
}

#include <algorithm>
#include <numeric>

namespace schema_guard {

namespace {

constexpr double rows_in_a_block = 130;      // of pg_depend: 8192 bytes, 60 with the line pointer for each
constexpr double rows_for_an_index_scan = 8; // that a sequential scan reads and sorts in the same time, as measured

// Sorted by the whole object: its columns stand together, in no order.
std::uint64_t key(const Address &address) {
  return (static_cast<std::uint64_t>(address.class_id) << 32) | address.object_id;
}

bool before(const Address &left, const Address &right) { return key(left) < key(right); }

bool answers(const Address &asked, const Address &row) {
  return row.class_id == asked.class_id && row.object_id == asked.object_id &&
         (asked.sub_id == 0 || row.sub_id == asked.sub_id);
}

// Within an extension's own script, its members are not protected by it (findDependentObjects).
bool ignored_owner(const Address &referenced, DependencyKind kind) {
  return kind == DependencyKind::extension && creating_extension && referenced.object_id == CurrentExtensionObject;
}

} // namespace

Dependencies::Dependencies(Arena &arena) : relation_(nullptr), scans_left_(-1), rows_(arena), by_depender_(arena) {}

void Dependencies::close() {
  if (relation_ != nullptr)
    table_close(relation_, AccessShareLock);
  relation_ = nullptr;
}

void Dependencies::dependents(const Address &object, Vector<Dependency> &found) {
  look_up(object, From::referenced, found);
}

void Dependencies::owners(const Address &object, Vector<Dependency> &found) { look_up(object, From::depender, found); }

void Dependencies::look_up(const Address &object, From from, Vector<Dependency> &found) {
  // Most statements have no question.
  if (relation_ == nullptr)
    relation_ = table_open(DependRelationId, AccessShareLock);
  if (!loaded_ && scans_left_ < 0)
    scans_left_ = RelationGetNumberOfBlocks(relation_) * rows_in_a_block / rows_for_an_index_scan;
  if (!loaded_ && --scans_left_ < 0)
    load_all();
  if (loaded_)
    search_loaded(object, from, found);
  else
    scan_index(object, from, found);
}

// As findDependentObjects (catalog/dependency.c) reads it.
void Dependencies::scan_index(const Address &object, From from, Vector<Dependency> &found) {
  const bool depender = from == From::depender;
  ScanKeyData keys[3];
  ScanKeyInit(&keys[0], depender ? Anum_pg_depend_classid : Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(object.class_id));
  ScanKeyInit(&keys[1], depender ? Anum_pg_depend_objid : Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(object.object_id));
  ScanKeyInit(&keys[2], depender ? Anum_pg_depend_objsubid : Anum_pg_depend_refobjsubid, BTEqualStrategyNumber,
              F_INT4EQ, Int32GetDatum(object.sub_id));
  SysScanDesc scan = systable_beginscan(relation_, depender ? DependDependerIndexId : DependReferenceIndexId, true,
                                        nullptr, object.sub_id != 0 ? 3 : 2, keys);
  HeapTuple tuple = nullptr;
  while (HeapTupleIsValid(tuple = systable_getnext(scan))) {
    const auto *row = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
    const Address referenced{row->refclassid, row->refobjid, row->refobjsubid};
    const auto kind = static_cast<DependencyKind>(row->deptype);
    if (!depender)
      found.push_back({{row->classid, row->objid, row->objsubid}, kind});
    else if (!ignored_owner(referenced, kind))
      found.push_back({referenced, kind});
  }
  systable_endscan(scan);
}

void Dependencies::load_all() {
  SysScanDesc scan = systable_beginscan(relation_, InvalidOid, false, nullptr, 0, nullptr);
  HeapTuple tuple = nullptr;
  while (HeapTupleIsValid(tuple = systable_getnext(scan))) {
    const auto *row = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
    rows_.push_back({{row->classid, row->objid, row->objsubid},
                     {row->refclassid, row->refobjid, row->refobjsubid},
                     static_cast<DependencyKind>(row->deptype)});
  }
  systable_endscan(scan);

  std::sort(rows_.data(), rows_.data() + rows_.size(),
            [](const Row &left, const Row &right) { return before(left.referenced, right.referenced); });
  by_depender_.resize(rows_.size());
  std::iota(by_depender_.begin(), by_depender_.end(), std::uint32_t{0});
  std::sort(
      by_depender_.data(), by_depender_.data() + by_depender_.size(),
      [this](std::uint32_t left, std::uint32_t right) { return before(rows_[left].depender, rows_[right].depender); });
  loaded_ = true;
}

void Dependencies::search_loaded(const Address &object, From from, Vector<Dependency> &found) const {
  if (from == From::referenced) {
    const Row *end = rows_.data() + rows_.size();
    const Row *row = std::lower_bound(rows_.data(), end, object, [](const Row &left, const Address &right) {
      return before(left.referenced, right);
    });
    for (; row != end && !before(object, row->referenced); ++row)
      if (answers(object, row->referenced))
        found.push_back({row->depender, row->kind});
    return;
  }
  const std::uint32_t *end = by_depender_.data() + by_depender_.size();
  const std::uint32_t *place =
      std::lower_bound(by_depender_.data(), end, object, [this](std::uint32_t left, const Address &right) {
        return before(rows_[left].depender, right);
      });
  for (; place != end && !before(object, rows_[*place].depender); ++place) {
    const Row &row = rows_[*place];
    if (answers(object, row.depender) && !ignored_owner(row.referenced, row.kind))
      found.push_back({row.referenced, row.kind});
  }
}

} // namespace schema_guard
