#include "forest/forest.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <stdexcept>
#include <tuple>

#include "forest/training_set.hpp"

// That trees are node by node those of a plain twin is test/evaluation/extra-trees.test.ts's part: here is
// what the sanitizers have to see, and what a twin cannot say.
namespace {

using namespace flowglyph;

struct Images {
  std::vector<std::uint8_t> bytes;
  std::vector<std::int32_t> labels;
};

// A third of the features constant, some rows twice, with labels of their own.
Images randomImages(std::size_t rows, std::size_t features, int classes, int values, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Images images{std::vector<std::uint8_t>(rows * features), std::vector<std::int32_t>(rows)};
  for (std::size_t i = 0; i < images.bytes.size(); ++i)
    images.bytes[i] = i % features % 3 == 0 ? 7 : static_cast<std::uint8_t>(random() % values);
  for (std::size_t row = 8; row < rows; row += 8) {
    const auto from = images.bytes.begin() + static_cast<std::ptrdiff_t>((row - 8) * features);
    std::copy_n(from, features, images.bytes.begin() + static_cast<std::ptrdiff_t>(row * features));
  }
  for (std::int32_t& label : images.labels) label = static_cast<std::int32_t>(random() % classes);
  return images;
}

struct Stored {
  std::vector<std::int32_t> sizes, child, test, shares;
  ForestView view(std::size_t features, std::size_t classes) const {
    return {sizes, child, test, shares, features, classes};
  }
};

Stored store(const std::vector<Tree>& trees, std::size_t classes) {
  Stored stored;
  for (const Tree& tree : trees) {
    stored.sizes.push_back(static_cast<std::int32_t>(tree.child.size()));
    stored.sizes.push_back(static_cast<std::int32_t>(tree.shares.size() / classes));
    stored.child.insert(stored.child.end(), tree.child.begin(), tree.child.end());
    stored.test.insert(stored.test.end(), tree.test.begin(), tree.test.end());
    stored.shares.insert(stored.shares.end(), tree.shares.begin(), tree.shares.end());
  }
  return stored;
}

Stored grown(const Images& images, std::size_t features, std::size_t classes, unsigned threads,
             ConstantFeatures constants = ConstantFeatures::counted) {
  const TrainingSet set(images.bytes, images.labels, features, classes);
  JobControl control;
  return store(growTrees(set, {.seed = 3, .tries = 5, .constants = constants}, 0, 9, threads, control),
               classes);
}

}  // namespace

TEST_SUITE_BEGIN("forest");

TEST_CASE("a training set is sorted by class, length and bytes, row by row and feature by feature") {
  Images images = randomImages(130, 70, 4, 256, 1);
  for (std::size_t row = 0; row < 130; ++row) {
    const auto begin = images.bytes.begin() + static_cast<std::ptrdiff_t>(row * 70);
    std::fill(begin + static_cast<std::ptrdiff_t>(40 + row % 31), begin + 70, std::uint8_t{0});
  }
  const auto bytesOf = [&](std::size_t row) {
    const auto begin = images.bytes.begin() + static_cast<std::ptrdiff_t>(row * 70);
    return std::vector<std::uint8_t>(begin, begin + 70);
  };
  const auto lengthOf = [](const std::vector<std::uint8_t>& bytes) {
    std::size_t length = bytes.size();
    while (length > 1 && bytes[length - 1] == 0) --length;
    return length;
  };
  const TrainingSet set(images.bytes, images.labels, 70, 6);
  std::vector<std::size_t> order(130);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t row) {
    return std::tuple(images.labels[row], lengthOf(bytesOf(row)), bytesOf(row));
  });
  for (std::size_t row = 0; row < 130; ++row) {
    const auto expected = bytesOf(order[row]);
    for (std::size_t f = 0; f < 70; ++f) {
      REQUIRE(set.row(row)[f] == expected[f]);
      REQUIRE(set.column(f)[row] == expected[f]);
    }
    CHECK(set.length(row) == lengthOf(expected));
  }
  CHECK(set.constants() == 14);
  CHECK(set.constantsFirst()[13] == 39);
  CHECK(set.constantsFirst()[14] == 1);
  std::uint32_t rows = 0;
  for (const ClassRun run : set.runs()) rows += run.rows;
  CHECK(rows == 130);
  CHECK(set.runs().size() == 4);
}

TEST_CASE("a training set refuses what it cannot hold") {
  const std::vector<std::uint8_t> bytes(20);
  const std::vector<std::int32_t> labels{0, 1};
  CHECK_THROWS_AS(TrainingSet({}, {}, 10, 2), std::invalid_argument);
  CHECK_THROWS_AS(TrainingSet(bytes, labels, 9, 2), std::invalid_argument);
  CHECK_THROWS_AS(TrainingSet(bytes, labels, 10, 1), std::invalid_argument);
  CHECK_THROWS_AS(TrainingSet(bytes, std::vector<std::int32_t>{0, -1}, 10, 2), std::invalid_argument);
  CHECK_NOTHROW(TrainingSet(bytes, labels, 10, 2));
}

TEST_CASE("trees send every training row to a leaf of its class, and mixed leaves share") {
  for (const auto constants : {ConstantFeatures::counted, ConstantFeatures::skipped}) {
    for (const int values : {2, 5, 256}) {
      const Images images = randomImages(400, 48, 5, values, static_cast<std::uint64_t>(values));
      const Stored stored = grown(images, 48, 5, 1, constants);
      const Forest forest(stored.view(48, 5));
      std::vector<float> probabilities(400 * 5);
      JobControl control;
      forest.predict(images.bytes, probabilities, 1, control);
      for (std::size_t row = 0; row < 400; ++row) {
        const float* shares = probabilities.data() + row * 5;
        CHECK(shares[images.labels[row]] > 0);
        CHECK(std::accumulate(shares, shares + 5, 0.0F) == doctest::Approx(1));
      }
      for (std::size_t i = 0; i < stored.shares.size(); i += 5) {
        const auto begin = stored.shares.begin() + static_cast<std::ptrdiff_t>(i);
        CHECK(std::accumulate(begin, begin + 5, 0) == static_cast<int>(kShareParts));
      }
      CHECK(!stored.shares.empty());
    }
  }
}

TEST_CASE("the number of threads changes nothing") {
  const Images images = randomImages(600, 100, 7, 30, 2);
  const Stored one = grown(images, 100, 7, 1);
  std::vector<float> expected(600 * 7);
  JobControl control;
  Forest(one.view(100, 7)).predict(images.bytes, expected, 1, control);
  for (const unsigned threads : {2U, 4U, 16U}) {
    const Stored many = grown(images, 100, 7, threads);
    CHECK(many.child == one.child);
    CHECK(many.test == one.test);
    CHECK(many.shares == one.shares);
    std::vector<float> probabilities(600 * 7);
    Forest(many.view(100, 7)).predict(images.bytes, probabilities, threads, control);
    CHECK(probabilities == expected);
  }
}

TEST_CASE("one row, one class, one feature") {
  const std::vector<std::uint8_t> byte{9};
  const std::vector<std::int32_t> label{2};
  const Stored stored = grown({byte, label}, 1, 3, 4);
  std::vector<float> probabilities(3);
  JobControl control;
  Forest(stored.view(1, 3)).predict(byte, probabilities, 4, control);
  CHECK(probabilities == std::vector<float>{0, 0, 1});
}

TEST_CASE("growing stops when it is told to") {
  const Images images = randomImages(100, 30, 3, 256, 4);
  const TrainingSet set(images.bytes, images.labels, 30, 3);
  JobControl control;
  control.stop = true;
  CHECK(growTrees(set, {.seed = 1, .tries = 5}, 0, 1000, 2, control).empty());
  CHECK(control.done == 0);
}

// Whatever a checkpoint says: refused, or answered without a step outside.
TEST_CASE("damaged trees are refused or answered, never followed astray") {
  const Images images = randomImages(200, 40, 3, 6, 5);
  const Stored good = grown(images, 40, 3, 1);
  std::mt19937_64 random(6);
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    Stored bad = good;
    auto& array = random() % 4 == 0   ? bad.sizes
                  : random() % 3 == 0 ? bad.shares
                  : random() % 2 == 0 ? bad.child
                                      : bad.test;
    if (random() % 8 == 0) array.resize(random() % array.size());
    if (!array.empty()) {
      std::int32_t& value = array[random() % array.size()];
      value = random() % 2 == 0 ? static_cast<std::int32_t>(random())
                                : value + static_cast<int>(random() % 9) - 4;
    }
    try {
      const Forest forest(bad.view(40, 3));
      std::vector<float> probabilities(200 * 3);
      JobControl control;
      forest.predict(images.bytes, probabilities, 1, control);
    } catch (const std::invalid_argument&) {
      ++refused;
    }
  }
  CHECK(refused > 1000);
  CHECK_NOTHROW(Forest(good.view(40, 3)));
}

TEST_SUITE_END();
