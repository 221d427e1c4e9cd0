#include "input/timestamp.hpp"

#include <doctest/doctest.h>

#include <limits>

using flowglyph::TimestampUnit;

TEST_SUITE_BEGIN("timestamp");

TEST_CASE("powers of ten, coarse and fine") {
  CHECK(TimestampUnit().toNs(1'500'000) == 1'500'000'000);
  CHECK(TimestampUnit(0).toNs(7) == 7'000'000'000);
  CHECK(TimestampUnit(3).toNs(1234) == 1'234'000'000);
  CHECK(TimestampUnit(9).toNs(123456789) == 123456789);
  CHECK(TimestampUnit(12).toNs(5'999) == 5);
  CHECK(TimestampUnit(28).toNs(std::numeric_limits<std::uint64_t>::max()) == 1);
  CHECK(TimestampUnit(127).toNs(1'000'000) == 0);
}

TEST_CASE("powers of two") {
  CHECK(TimestampUnit(0x80).toNs(3) == 3'000'000'000);
  CHECK(TimestampUnit(0x81).toNs(3) == 1'500'000'000);
  CHECK(TimestampUnit(0x80 | 10).toNs(1024 * 5 + 512) == 5'500'000'000);
  CHECK(TimestampUnit(0x80 | 32).toNs((std::uint64_t{2} << 32) + (std::uint64_t{1} << 31)) == 2'500'000'000);
  CHECK(TimestampUnit(0xFF).toNs(std::numeric_limits<std::uint64_t>::max()) == 0);
}

TEST_CASE("offsets, also negative, and values that no int64 of nanoseconds holds") {
  CHECK(TimestampUnit(6, 100).toNs(1) == 100'000'001'000);
  CHECK(TimestampUnit(6, -1).toNs(0) == -1'000'000'000);
  CHECK(TimestampUnit(0).toNs(std::numeric_limits<std::uint64_t>::max()) ==
        std::numeric_limits<std::int64_t>::max());
  CHECK(TimestampUnit(6, std::numeric_limits<std::int64_t>::min()).toNs(0) ==
        std::numeric_limits<std::int64_t>::min());
}

TEST_SUITE_END();
