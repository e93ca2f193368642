// Types as the core's tests need them: PostgreSQL's own by their OIDs, and the ways between them as a list.
#pragma once

#include "core/column_type.hpp"

#include <map>
#include <set>
#include <utility>

namespace schema_guard::test {

class FakeTypes final : public TypeCatalog {
public:
  void has_path(ObjectId from, ObjectId to, CoercionPath path) { paths_[{from, to}] = path; }
  void has_facts(ObjectId type, TypeFacts facts) { facts_[type] = facts; }
  void is_domain(ObjectId domain, ColumnType base) { domains_[domain] = base; }

  ColumnType base_type(const ColumnType &type) override {
    const auto place = domains_.find(type.type);
    return place == domains_.end() ? type : place->second;
  }
  TypeFacts type_facts(ObjectId type) override {
    const auto place = facts_.find(type);
    return place == facts_.end() ? TypeFacts{} : place->second;
  }
  CoercionPath coercion(ObjectId from, ObjectId to, bool) override {
    const auto place = paths_.find({from, to});
    return place == paths_.end() ? CoercionPath::none : place->second;
  }
  bool length_fits(ObjectId, std::int32_t from, std::int32_t to) override { return to >= from; }
  bool time_zone_is_fixed() override { return zone_is_fixed; }
  bool output_is_exact() override { return output_exact; }

  bool zone_is_fixed = true;
  bool output_exact = true;

private:
  std::map<std::pair<ObjectId, ObjectId>, CoercionPath> paths_;
  std::map<ObjectId, TypeFacts> facts_;
  std::map<ObjectId, ColumnType> domains_;
};

} // namespace schema_guard::test
