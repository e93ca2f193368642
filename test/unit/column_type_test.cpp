// retention(): what is known to be kept, by the paths that PostgreSQL would go. That the paths and the verdicts are
// true to the server, test/t holds to its own conversions.
#include "core/column_type.hpp"
#include "fake_types.hpp"

#include <gtest/gtest.h>

namespace schema_guard::test {
namespace {

constexpr ObjectId boolean = 16, bigint = 20, integer = 23, text = 25, json = 114, real = 700, cidr = 650, money = 790;
constexpr ObjectId character = 1042, varchar = 1043, date = 1082, timestamp = 1114, timestamptz = 1184, bit = 1560;
constexpr ObjectId numeric = 1700, name = 19, status = 20000, colour = 20001, other = 20002, integers = 1007;
constexpr ObjectId bigints = 1016, short_text = 20003, other_text = 20004, reals = 1021, regproc = 24, regprocs = 1008,
                   varbit = 1562;

std::int32_t length(std::int32_t characters) { return characters + 4; }
std::int32_t digits(std::int32_t precision, std::int32_t scale) { return ((precision << 16) | (scale & 0x7ff)) + 4; }

class Retained : public ::testing::Test {
protected:
  Retained() {
    for (const ObjectId type : {text, varchar})
      types.has_facts(type, {.is_text = true, .takes_any = true});
    for (const ObjectId type : {character, name, other_text})
      types.has_facts(type, {.is_text = true});
    types.has_facts(status, {.is_enum = true});
    types.has_facts(integers, {.element = integer});
    types.has_facts(bigints, {.element = bigint});
    types.has_facts(regprocs, {.element = regproc});
    types.is_domain(short_text, {varchar, length(10)});
  }
  bool kept(ColumnType from, ColumnType to, CoercionPath path, bool is_explicit = false) {
    types.has_path(from.type, to.type, path);
    return retention(from, to, is_explicit, types) == Retention::everything;
  }
  bool kept_within(ObjectId type, std::int32_t from, std::int32_t to, bool is_explicit = false) {
    return retention({type, from}, {type, to}, is_explicit, types) == Retention::everything;
  }

  FakeTypes types;
};

TEST_F(Retained, LengthsOfText) {
  EXPECT_TRUE(kept_within(varchar, length(10), length(20)));
  EXPECT_TRUE(kept_within(varchar, length(10), -1));
  EXPECT_TRUE(kept_within(character, length(10), length(20)));
  EXPECT_FALSE(kept_within(varchar, length(20), length(10)));
  EXPECT_FALSE(kept_within(varchar, -1, length(10)));
}

TEST_F(Retained, DigitsBehindThePoint) {
  EXPECT_TRUE(kept_within(numeric, digits(10, 2), digits(12, 2)));
  EXPECT_TRUE(kept_within(numeric, digits(10, 2), digits(10, 4)));
  EXPECT_TRUE(kept_within(numeric, digits(10, 2), digits(5, 2))) << "digits before the point overflow";
  EXPECT_TRUE(kept_within(numeric, digits(10, -2), digits(10, 0)));
  EXPECT_FALSE(kept_within(numeric, digits(10, 2), digits(10, 0)));
  EXPECT_FALSE(kept_within(numeric, digits(10, 0), digits(10, -2)));
  EXPECT_FALSE(kept_within(numeric, -1, digits(38, 20)));
}

TEST_F(Retained, Seconds) {
  EXPECT_TRUE(kept_within(timestamp, 0, 3));
  EXPECT_TRUE(kept_within(timestamp, -1, 6));
  EXPECT_FALSE(kept_within(timestamp, -1, 3));
  EXPECT_FALSE(kept_within(timestamptz, 6, 0));
}

TEST_F(Retained, BitsAreCutByACastOnly) {
  EXPECT_TRUE(kept_within(bit, 8, 4));
  EXPECT_FALSE(kept_within(bit, 8, 4, true));
  EXPECT_TRUE(kept({varbit, 4}, {bit, 4}, CoercionPath::relabel)) << "or of another length";
  EXPECT_FALSE(kept({varbit, 4}, {bit, 4}, CoercionPath::relabel, true)) << "padded";
}

TEST_F(Retained, AnotherTypesLengthIsItsOwnAffair) {
  EXPECT_TRUE(kept_within(other, 1, 2));
  EXPECT_FALSE(kept_within(other, 2, 1));
}

TEST_F(Retained, Functions) {
  EXPECT_TRUE(kept({integer}, {bigint}, CoercionPath::function));
  EXPECT_TRUE(kept({bigint}, {integer}, CoercionPath::function)) << "or out of range";
  EXPECT_TRUE(kept({integer}, {numeric, digits(10, 0)}, CoercionPath::function));
  EXPECT_TRUE(kept({date}, {timestamp, 0}, CoercionPath::function));
  EXPECT_TRUE(kept({date}, {timestamptz, 0}, CoercionPath::function));
  EXPECT_TRUE(kept({numeric, digits(10, 0)}, {integer}, CoercionPath::function));
  EXPECT_FALSE(kept({integer}, {numeric, digits(10, -2)}, CoercionPath::function));
  EXPECT_FALSE(kept({numeric, digits(10, 2)}, {integer}, CoercionPath::function));
  EXPECT_FALSE(kept({numeric}, {bigint}, CoercionPath::function));
  EXPECT_FALSE(kept({bigint}, {real}, CoercionPath::function));
  EXPECT_FALSE(kept({real}, {integer}, CoercionPath::function));
  EXPECT_FALSE(kept({timestamptz}, {date}, CoercionPath::function));
  EXPECT_FALSE(kept({money}, {numeric, digits(10, 0)}, CoercionPath::function));
  EXPECT_FALSE(kept({other}, {text}, CoercionPath::function)) << "of somebody else's";
}

TEST_F(Retained, TimeZones) {
  EXPECT_TRUE(kept({timestamp}, {timestamptz}, CoercionPath::function));
  types.zone_is_fixed = false;
  EXPECT_FALSE(kept({timestamp}, {timestamptz}, CoercionPath::function));
  EXPECT_FALSE(kept({timestamptz}, {timestamp}, CoercionPath::function));
  EXPECT_FALSE(kept({date}, {timestamptz}, CoercionPath::function)) << "some zones have skipped a day";
}

TEST_F(Retained, WrittenAsText) {
  EXPECT_TRUE(kept({integer}, {text}, CoercionPath::input_output));
  EXPECT_TRUE(kept({integer}, {varchar, length(3)}, CoercionPath::input_output)) << "or too long";
  EXPECT_FALSE(kept({integer}, {varchar, length(3)}, CoercionPath::input_output, true));
  EXPECT_FALSE(kept({integer}, {character, length(3)}, CoercionPath::input_output, true));
  EXPECT_TRUE(kept({integer}, {varchar, length(11)}, CoercionPath::input_output, true)) << "the longest fits";
  EXPECT_TRUE(kept({status}, {varchar, length(63)}, CoercionPath::input_output));
  EXPECT_FALSE(kept({integer}, {name}, CoercionPath::input_output)) << "cut at 63 bytes";
  EXPECT_FALSE(kept({integer}, {other_text}, CoercionPath::input_output)) << "a string, but whose?";
  EXPECT_FALSE(kept({status}, {varchar, length(3)}, CoercionPath::input_output)) << "blanks at the end";
  EXPECT_FALSE(kept({regproc}, {text}, CoercionPath::input_output)) << "overloaded functions are written alike";
  EXPECT_FALSE(kept({regprocs}, {text}, CoercionPath::input_output));
  for (const ObjectId type : {real, reals, timestamptz}) {
    types.output_exact = true;
    EXPECT_TRUE(kept({type}, {text}, CoercionPath::input_output)) << type;
    types.output_exact = false;
    EXPECT_FALSE(kept({type}, {text}, CoercionPath::input_output)) << type;
  }
  EXPECT_TRUE(kept({integer}, {text}, CoercionPath::input_output));
  EXPECT_TRUE(kept({status}, {text}, CoercionPath::input_output));
}

TEST_F(Retained, ReadFromText) {
  EXPECT_TRUE(kept({text}, {status}, CoercionPath::input_output, true));
  EXPECT_TRUE(kept({status}, {text}, CoercionPath::input_output));
  EXPECT_FALSE(kept({text}, {integer}, CoercionPath::input_output, true));
  EXPECT_FALSE(kept({status}, {colour}, CoercionPath::input_output, true));
  EXPECT_FALSE(kept({json}, {other}, CoercionPath::input_output, true));
}

TEST_F(Retained, SameBits) {
  EXPECT_TRUE(kept({varchar, length(10)}, {text}, CoercionPath::relabel));
  EXPECT_TRUE(kept({text}, {varchar}, CoercionPath::relabel));
  EXPECT_TRUE(kept({cidr}, {869}, CoercionPath::relabel));
  EXPECT_FALSE(kept({text}, {varchar, length(10)}, CoercionPath::relabel));
  EXPECT_FALSE(kept({text}, {character}, CoercionPath::relabel)) << "of any length, but blanks at its end mean nothing";
  EXPECT_FALSE(kept({varchar, length(5)}, {character, length(10)}, CoercionPath::relabel)) << "blanks at the end";
  EXPECT_TRUE(kept({character, length(5)}, {varchar, length(10)}, CoercionPath::function));
  EXPECT_FALSE(kept({character, length(15)}, {varchar, length(10)}, CoercionPath::function));
}

TEST_F(Retained, ElementsOfArrays) {
  types.has_path(integer, bigint, CoercionPath::function);
  types.has_path(integers, bigints, CoercionPath::function);
  EXPECT_EQ(retention({integers}, {bigints}, false, types), Retention::unknown) << "somebody's own cast";
  types.has_path(integers, bigints, CoercionPath::array);
  EXPECT_EQ(retention({integers}, {bigints}, false, types), Retention::everything);
  EXPECT_EQ(retention({integers}, {integers}, false, types), Retention::everything);
  EXPECT_FALSE(kept({integers}, {integer}, CoercionPath::input_output, true));
}

TEST_F(Retained, DomainsAreWhatIsBelow) {
  EXPECT_EQ(retention({varchar, length(10)}, {short_text}, false, types), Retention::everything);
  EXPECT_EQ(retention({varchar, length(20)}, {short_text}, false, types), Retention::unknown);
  EXPECT_EQ(retention({short_text}, {varchar, length(20)}, false, types), Retention::everything);
}

TEST_F(Retained, RefusedByPostgreSQL) { EXPECT_EQ(retention({boolean}, {date}, false, types), Retention::refused); }

TEST_F(Retained, AtUtc) {
  EXPECT_EQ(at_utc({timestamp, 3}), (ColumnType{timestamptz, 3}));
  EXPECT_EQ(at_utc({timestamptz}), (ColumnType{timestamp, -1}));
  EXPECT_EQ(at_utc({date}).type, 0U);
}

} // namespace
} // namespace schema_guard::test
