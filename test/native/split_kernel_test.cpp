#include "forest/split_kernel.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "support/targets.hpp"

namespace {

using namespace flowglyph;
using Bytes = std::vector<std::uint8_t>;

Bytes randomBytes(std::size_t count, int values, std::mt19937_64& random) {
  Bytes bytes(count);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(255 - random() % values);
  return bytes;
}

// Groups of a few rows, of all, and of as many as chance has it; some twice, as where a class ends in one.
std::vector<RowGroup> randomGroups(std::size_t count, std::mt19937_64& random) {
  std::vector<RowGroup> groups;
  for (std::uint32_t i = 0; i < count; ++i) {
    std::uint64_t rows = random();
    if (random() % 2 == 0) rows = std::uint64_t{1} << random() % 64;
    if (random() % 5 == 0) rows = ~std::uint64_t{0};
    groups.push_back({static_cast<std::uint32_t>(random() % (2 * count) * kGroupRows), i, rows});
  }
  return groups;
}

}  // namespace

TEST_SUITE_BEGIN("split kernel");

TEST_CASE("ranges of groups of rows, and which of them go left, equal the scalar twin's") {
  const SplitKernel scalar = scalarSplitKernel();
  std::mt19937_64 random(1);
  test::onEveryTarget(vectorSplitKernel, [&](const SplitKernel& kernel) {
    for (int round = 0; round < 1000; ++round) {
      const std::size_t count = 1 + random() % 12;
      const Bytes column = randomBytes(2 * count * kGroupRows, round % 3 == 0 ? 3 : 256, random);
      const auto groups = randomGroups(count, random);
      const ByteRange expected = scalar.rangeOf(column.data(), groups.data(), count);
      const ByteRange range = kernel.rangeOf(column.data(), groups.data(), count);
      REQUIRE(range.low == expected.low);
      REQUIRE(range.high == expected.high);
      for (const auto threshold : {static_cast<std::uint8_t>(random()), std::uint8_t{254}, std::uint8_t{0}}) {
        std::vector<std::uint64_t> left(count), expectedLeft(count);
        std::vector<std::uint32_t> counts(count), expectedCounts(count);
        scalar.rowsUpTo(column.data(), groups.data(), count, threshold, expectedLeft.data(),
                        expectedCounts.data());
        kernel.rowsUpTo(column.data(), groups.data(), count, threshold, left.data(), counts.data());
        REQUIRE(left == expectedLeft);
        REQUIRE(counts == expectedCounts);
      }
    }
  });
}

TEST_CASE("ranges of images, and what varies, equal the scalar twin's, in the blocks asked for alone") {
  const SplitKernel scalar = scalarSplitKernel();
  std::mt19937_64 random(2);
  test::onEveryTarget(vectorSplitKernel, [&](const SplitKernel& kernel) {
    for (const std::size_t blockBytes : {std::size_t{64}, std::size_t{128}}) {
      const std::size_t stride = 5 * blockBytes;
      for (const std::uint32_t count : {1U, 2U, 3U, 7U, 32U}) {
        Bytes images = randomBytes(32 * stride, count == 7 ? 2 : 256, random);
        for (std::size_t row = 0; row < 32; ++row) {
          images[row * stride + 2 * blockBytes] = 9;
          std::fill_n(images.begin() + static_cast<std::ptrdiff_t>(row * stride + 3 * blockBytes), blockBytes,
                      std::uint8_t{0});
        }
        std::vector<const std::uint8_t*> rows(count);
        for (auto& row : rows) row = images.data() + random() % 32 * stride;
        const std::uint64_t asked = random() & 31;
        std::uint64_t blocks = asked, expectedBlocks = asked;
        Bytes low(stride, 7), high(stride, 7), expectedLow(stride, 7), expectedHigh(stride, 7);
        std::vector<std::uint32_t> varying(stride + kBlockAlign), expectedVarying(stride + kBlockAlign);
        const std::size_t expected =
            scalar.ranges(rows.data(), count, blockBytes, expectedBlocks, expectedLow.data(),
                          expectedHigh.data(), expectedVarying.data());
        const std::size_t got =
            kernel.ranges(rows.data(), count, blockBytes, blocks, low.data(), high.data(), varying.data());
        REQUIRE(got == expected);
        REQUIRE(blocks == expectedBlocks);
        CHECK((blocks & 8) == 0);
        REQUIRE(low == expectedLow);
        REQUIRE(high == expectedHigh);
        varying.resize(got);
        expectedVarying.resize(got);
        REQUIRE(varying == expectedVarying);
      }
    }
  });
}

TEST_CASE("the best split of few rows is the scalar twin's, the first of equal ones") {
  const SplitKernel scalar = scalarSplitKernel();
  std::mt19937_64 random(3);
  test::onEveryTarget(vectorSplitKernel, [&](const SplitKernel& kernel) {
    for (int round = 0; round < 3000; ++round) {
      std::vector<ClassRun> runs;
      std::size_t rows = 0;
      const std::size_t most = 2 + random() % (kFewRows - 1);
      while (rows < most) {
        const auto count = static_cast<std::uint32_t>(1 + random() % (round % 2 == 0 ? most - rows : 1));
        runs.push_back({static_cast<std::uint32_t>(runs.size()), count});
        rows += count;
      }
      // Of every split some rows lie on either side, as where the threshold comes from a range.
      Bytes values = randomBytes(kFewRows * kAbreast, round % 3 == 0 ? 3 : 256, random);
      const Bytes thresholds = randomBytes(kAbreast, 256, random);
      Bytes limits(kAbreast);
      for (std::size_t i = 0; i < kAbreast; ++i) {
        limits[i] = std::min<std::uint8_t>(thresholds[i], 254);
        values[i] = limits[i];
        values[(rows - 1) * kAbreast + i] = static_cast<std::uint8_t>(limits[i] + 1);
      }
      const std::size_t count = 1 + random() % kAbreast;
      std::vector<float> scores(kAbreast), expectedScores(kAbreast);
      const std::size_t expected = scalar.bestOfFew(values.data(), limits.data(), count, runs.data(),
                                                    runs.size(), expectedScores.data());
      const std::size_t got =
          kernel.bestOfFew(values.data(), limits.data(), count, runs.data(), runs.size(), scores.data());
      REQUIRE(got == expected);
      scores.resize(count);
      expectedScores.resize(count);
      REQUIRE(scores == expectedScores);
    }
  });
}

TEST_SUITE_END();
