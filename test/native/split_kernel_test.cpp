#include "forest/split_kernel.hpp"

#include <doctest/doctest.h>
#include <hwy/targets.h>

#include <random>
#include <vector>

namespace {

using namespace flowglyph;
using Bytes = std::vector<std::uint8_t>;

// Every instruction set that this machine and this build have, one after the other.
template <typename Check>
void onEveryTarget(Check&& check) {
  for (std::int64_t left = hwy::SupportedTargets(); left != 0; left &= left - 1) {
    hwy::SetSupportedTargetsForTest(left & -left);
    const SplitKernel kernel = vectorSplitKernel();
    CAPTURE(kernel.name);
    check(kernel);
  }
  hwy::SetSupportedTargetsForTest(0);
}

// What lies in the slack must not count: it is random, too.
Bytes randomBytes(std::size_t count, int values, std::mt19937_64& random) {
  Bytes bytes(count + kSlack);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(255 - random() % values);
  return bytes;
}

}  // namespace

TEST_SUITE_BEGIN("split kernel");

TEST_CASE("ranges of images equal the scalar twin's, in the blocks that are asked for alone") {
  const SplitKernel scalar = scalarSplitKernel();
  std::mt19937_64 random(1);
  onEveryTarget([&](const SplitKernel& kernel) {
    for (const std::size_t blockBytes : {std::size_t{64}, std::size_t{128}}) {
      const std::size_t stride = 5 * blockBytes;
      for (const std::uint32_t count : {1U, 2U, 3U, 40U}) {
        Bytes images = randomBytes(50 * stride, count == 40 ? 2 : 256, random);
        images.resize(50 * stride);
        for (std::size_t row = 0; row < 50; ++row) images[row * stride + 2 * blockBytes] = 9;
        std::vector<std::uint32_t> order(count);
        for (auto& row : order) row = static_cast<std::uint32_t>(random() % 50);
        const std::uint64_t blocks = random() & 31;
        Bytes low(stride, 7), high(stride, 7), expectedLow(stride, 7), expectedHigh(stride, 7);
        const auto expected = scalar.ranges(images.data(), stride, order.data(), count, blockBytes, blocks,
                                            expectedLow.data(), expectedHigh.data());
        const auto got = kernel.ranges(images.data(), stride, order.data(), count, blockBytes, blocks,
                                       low.data(), high.data());
        REQUIRE(got == expected);
        REQUIRE(low == expectedLow);
        REQUIRE(high == expectedHigh);
      }
    }
  });
}

TEST_CASE("masked scans and counts of every length equal the scalar twin's") {
  const SplitKernel scalar = scalarSplitKernel();
  std::mt19937_64 random(2);
  onEveryTarget([&](const SplitKernel& kernel) {
    for (std::size_t count = 1; count < 20000; count += count < 300 ? 1 : 1777) {
      const Bytes values = randomBytes(count, count % 2 == 0 ? 256 : 3, random);
      Bytes inside = randomBytes(count, 2, random);
      for (auto& byte : inside) byte = byte == 255 ? 255 : 0;
      inside[random() % count] = 255;
      const auto threshold = static_cast<std::uint8_t>(random());
      const ByteRange expected = scalar.rangeInside(values.data(), inside.data(), count);
      const ByteRange got = kernel.rangeInside(values.data(), inside.data(), count);
      REQUIRE(got.low == expected.low);
      REQUIRE(got.high == expected.high);
      for (const std::uint8_t limit : {threshold, std::uint8_t{254}, std::uint8_t{0}}) {
        REQUIRE(kernel.countInside(values.data(), inside.data(), count, limit) ==
                scalar.countInside(values.data(), inside.data(), count, limit));
      }
    }
  });
}

TEST_CASE("counts by class run equal the scalar twin's") {
  const SplitKernel scalar = scalarSplitKernel();
  std::mt19937_64 random(3);
  onEveryTarget([&](const SplitKernel& kernel) {
    for (int round = 0; round < 2000; ++round) {
      std::vector<ClassRun> runs(1 + random() % 12);
      std::size_t count = 0;
      const std::uint64_t most = round % 3 == 0 ? 2 : round % 3 == 1 ? 12 : 700;
      for (std::uint32_t label = 0; label < runs.size(); ++label) {
        runs[label] = {label, static_cast<std::uint32_t>(1 + random() % most)};
        count += runs[label].rows;
      }
      const Bytes values = randomBytes(count, 4, random);
      std::vector<std::uint32_t> got(runs.size()), expected(runs.size());
      const auto threshold = static_cast<std::uint8_t>(252 + random() % 4);
      kernel.countRuns(values.data(), runs.data(), runs.size(), threshold, got.data());
      scalar.countRuns(values.data(), runs.data(), runs.size(), threshold, expected.data());
      REQUIRE(got == expected);
    }
    const ClassRun full{0, 64};
    std::uint32_t left = 0;
    const Bytes values = randomBytes(64, 1, random);
    kernel.countRuns(values.data(), &full, 1, 255, &left);
    CHECK(left == 64);
  });
}

TEST_SUITE_END();
