#include "words/word_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <stdexcept>

#include "support/targets.hpp"
#include "words/dense.hpp"
#include "words/word_kernel.hpp"

namespace {

using namespace flowglyph;
using Bytes = std::vector<std::uint8_t>;
using Matrix = std::vector<std::vector<double>>;

std::vector<float> randomFloats(std::size_t count, std::mt19937_64& random) {
  std::uniform_real_distribution<float> some(-1, 1);
  std::vector<float> values(count);
  for (float& value : values) value = some(random);
  return values;
}

// Sessions of different length whose bytes come from a few values, so that they share pairs.
Bytes randomSessions(std::size_t sessions, int values, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Bytes images(sessions * kSessionBytes);
  for (std::size_t i = 0; i < sessions; ++i) {
    const std::size_t length = 2 + random() % 60;
    for (std::size_t k = 0; k < length; ++k)
      images[i * kSessionBytes + k] = static_cast<std::uint8_t>(random() % values * 37);
  }
  return images;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// What word_table.hpp says, in so many words: sessions by pairs, dense and in double.
struct Twin {
  std::vector<int> pairs;
  Matrix counts;    // [sessions][pairs]
  Matrix weighted;  // times weight, unit length
  std::vector<double> idf;

  explicit Twin(const Bytes& images, int positions = 0) {
    const std::size_t sessions = images.size() / 784;
    std::vector<std::map<int, int>> held(sessions);
    std::map<int, std::size_t> holders;
    for (std::size_t i = 0; i < sessions; ++i) {
      for (int p = 0; p < positions; ++p) ++held[i][p * 256 + images[i * 784 + std::size_t(p)]];
      for (std::size_t p = 0; positions == 0 && p + 1 < 784; ++p) {
        const int pair = images[i * 784 + p] * 256 + images[i * 784 + p + 1];
        if (pair != 0) ++held[i][pair];
      }
      for (const auto& [pair, count] : held[i]) ++holders[pair];
    }
    for (const auto& [pair, count] : holders) {
      if (count < 2 || 2 * count >= sessions) continue;
      pairs.push_back(pair);
      const double reach = positions > 0 ? std::exp(-(pair / 256) / 10.0) : 1;
      idf.push_back(reach * std::log(double(sessions) / double(count)));
    }
    for (std::size_t i = 0; i < sessions; ++i) {
      std::vector<double> row;
      for (const int pair : pairs) row.push_back(held[i].count(pair) ? held[i][pair] : 0);
      counts.push_back(row);
      for (std::size_t k = 0; k < row.size(); ++k) row[k] *= idf[k];
      const double length = std::sqrt(dot(row, row));
      for (double& value : row) value = length > 0 ? value / length : 0;
      weighted.push_back(row);
    }
  }

  // The right singular vectors of the greatest values, one by one: power iteration on what is left.
  Matrix factors(std::size_t dimensions) const {
    Matrix rest = weighted;
    Matrix table(pairs.size(), std::vector<double>(dimensions, 0));
    for (std::size_t j = 0; j < dimensions; ++j) {
      std::vector<double> v(pairs.size());
      for (std::size_t k = 0; k < v.size(); ++k) v[k] = 1 + 0.1 * double((k * 7 + j) % 11);
      double singular = 0;
      for (int turn = 0; turn < 3000; ++turn) {
        std::vector<double> next(v.size(), 0);
        for (const auto& row : rest) {
          const double along = dot(row, v);
          for (std::size_t k = 0; k < v.size(); ++k) next[k] += along * row[k];
        }
        const double length = std::sqrt(dot(next, next));
        if (length < 1e-9) return normalised(table);
        for (std::size_t k = 0; k < v.size(); ++k) v[k] = next[k] / length;
        singular = std::sqrt(length);
      }
      for (auto& row : rest) {
        const double along = dot(row, v);
        for (std::size_t k = 0; k < v.size(); ++k) row[k] -= along * v[k];
      }
      for (std::size_t k = 0; k < v.size(); ++k) table[k][j] = idf[k] * v[k] / std::sqrt(singular);
    }
    return normalised(table);
  }

 private:
  Matrix normalised(const Matrix& table) const {
    Matrix rows;
    for (const auto& session : counts) {
      std::vector<double> sum(table.empty() ? 1 : table[0].size(), 0);
      for (std::size_t k = 0; k < pairs.size(); ++k) {
        for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += session[k] * table[k][j];
      }
      const double length = std::sqrt(dot(sum, sum));
      for (double& value : sum) value = length > 0 ? value / length : 0;
      rows.push_back(sum);
    }
    return rows;
  }
};

WordTable tableOf(const Bytes& images, std::size_t dimensions, unsigned threads = 1, std::uint64_t seed = 1,
                  Positions positions = 0) {
  const JobControl control;
  return fitWordTable(images, {dimensions, seed, positions}, threads, control);
}

bool same(const WordTable& a, const WordTable& b) { return a.words == b.words && a.vectors == b.vectors; }

TEST_SUITE_BEGIN("word tables");

TEST_CASE("pair kernels: every instruction set sums as the plain loops do") {
  const WordKernel plain = scalarWordKernel();
  test::onEveryTarget(vectorWordKernel, [&](const WordKernel& kernel) {
    std::mt19937_64 random(5);
    for (const std::size_t width : {16U, 48U, 144U, 272U}) {
      for (const std::size_t count : {0U, 1U, 7U, 300U}) {
        const auto rows = randomFloats(std::max<std::size_t>(1, count) * width, random);
        const auto weights = randomFloats(count, random);
        std::vector<std::uint16_t> index(count);
        for (auto& row : index) row = static_cast<std::uint16_t>(random() % count);
        std::vector<float> expected(width, 9), sum(width, 9);
        plain.weightedSum(rows.data(), width, index.data(), weights.data(), count, expected.data());
        kernel.weightedSum(rows.data(), width, index.data(), weights.data(), count, sum.data());
        for (std::size_t k = 0; k < width; ++k) REQUIRE(sum[k] == doctest::Approx(expected[k]).epsilon(1e-4));
        Square products(width * width, 1), wanted(width * width, 1);
        plain.addProducts(rows.data(), count, width, wanted.data());
        kernel.addProducts(rows.data(), count, width, products.data());
        for (std::size_t i = 0; i < width; ++i) {
          for (std::size_t j = i; j < width; ++j)
            REQUIRE(products[i * width + j] == doctest::Approx(wanted[i * width + j]).epsilon(1e-12));
        }
      }
    }
  });
}

TEST_CASE("orthonormal columns span what the columns did; dependent ones become 0") {
  std::mt19937_64 random(2);
  TaskTeam team(2);
  const Workers workers{team, selectWordKernel()};
  Tall tall(3000, 16);
  tall.values = randomFloats(tall.values.size(), random);
  for (std::size_t r = 0; r < tall.rows; ++r) {
    tall.row(r)[3] = 2 * tall.row(r)[0] - tall.row(r)[1];  // in the space of others
    tall.row(r)[5] *= 1e-5F;
    tall.row(r)[9] = 0;
  }
  const Tall before = tall;
  orthonormalise(tall, workers);
  const Square gram = gramOf(tall, workers);
  for (std::size_t i = 0; i < 16; ++i) {
    for (std::size_t j = 0; j < 16; ++j) {
      const bool one = i == j && i != 3 && i != 9;
      CHECK(gram[i * 16 + j] == doctest::Approx(one ? 1 : 0).epsilon(1e-5));
    }
  }
  // Every old column is a sum of new ones.
  for (const std::size_t column : {0U, 3U, 5U, 15U}) {
    double squares = 0, inside = 0;
    for (std::size_t r = 0; r < tall.rows; ++r) squares += std::pow(double{before.row(r)[column]}, 2);
    for (std::size_t j = 0; j < 16; ++j) {
      double along = 0;
      for (std::size_t r = 0; r < tall.rows; ++r) along += double{before.row(r)[column]} * tall.row(r)[j];
      inside += along * along;
    }
    CHECK(inside / squares == doctest::Approx(1).epsilon(1e-4));
  }
}

TEST_CASE("eigenvectors: the matrix is what they make of it") {
  std::mt19937_64 random(3);
  constexpr std::size_t kWidth = 30;
  std::uniform_real_distribution<double> some(-1, 1);
  Square matrix(kWidth * kWidth);
  for (std::size_t i = 0; i < kWidth; ++i) {
    for (std::size_t j = 0; j <= i; ++j) matrix[i * kWidth + j] = matrix[j * kWidth + i] = some(random);
  }
  const Eigen eigen = eigenOf(matrix, kWidth);
  CHECK(std::is_sorted(eigen.values.rbegin(), eigen.values.rend()));
  for (std::size_t i = 0; i < kWidth; ++i) {
    for (std::size_t j = 0; j < kWidth; ++j) {
      double sum = 0, product = 0;
      for (std::size_t k = 0; k < kWidth; ++k) {
        sum += eigen.vectors[i * kWidth + k] * eigen.values[k] * eigen.vectors[j * kWidth + k];
        product += eigen.vectors[k * kWidth + i] * eigen.vectors[k * kWidth + j];
      }
      CHECK(std::abs(sum - matrix[i * kWidth + j]) < 1e-12);
      CHECK(std::abs(product - (i == j)) < 1e-12);
    }
  }
  CHECK(eigenOf(Square(4, 0.0), 2).values == std::vector<double>{0, 0});
}

// Rows of length 1, or zeros.
std::vector<float> unitRows(std::vector<float> rows, std::size_t width) {
  for (std::size_t row = 0; row < rows.size(); row += width) {
    double squares = 0;
    for (std::size_t j = 0; j < width; ++j) squares += double{rows[row + j]} * double{rows[row + j]};
    const double scale = squares > 0 ? 1 / std::sqrt(squares) : 0;
    for (std::size_t j = 0; j < width; ++j) rows[row + j] = static_cast<float>(rows[row + j] * scale);
  }
  return rows;
}

TEST_CASE("word sums: of whole numbers up to 2^14 they are exact, whatever adds them up") {
  const JobControl control;
  std::mt19937_64 random(6);
  constexpr std::size_t kDimensions = 19;
  // The greatest sums there are: 783 words of 2^14 each, all of one sign.
  Bytes images = randomSessions(20, 7, 11);
  std::fill_n(images.begin(), kSessionBytes, std::uint8_t{200});
  WordTable table;
  for (int word = 0; word < 65536; ++word) {
    if (word % 5 != 3 || word == 200 * 256 + 200) table.words.push_back(static_cast<std::uint16_t>(word));
  }
  table.vectors.resize(table.words.size() * kDimensions);
  for (float& value : table.vectors) value = static_cast<float>(static_cast<int>(random() % 32769) - 16384);
  const auto row = [&](std::size_t word) {
    const auto found = std::lower_bound(table.words.begin(), table.words.end(), word);
    return found != table.words.end() && *found == word ? std::size_t(found - table.words.begin())
                                                        : table.words.size();
  };
  for (std::size_t j = 0; j < kDimensions; ++j)
    table.vectors[row(200 * 256 + 200) * kDimensions + j] = j % 2 ? 16384 : -16384;
  for (const std::size_t positions : {0U, 64U, 256U}) {
    std::vector<float> wanted;
    for (std::size_t session = 0; session < 20; ++session) {
      const std::uint8_t* image = images.data() + session * kSessionBytes;
      std::vector<std::int64_t> sums(kDimensions, 0);
      const auto add = [&](std::size_t word) {
        const std::size_t at = row(word);
        if (at == table.words.size()) return;
        for (std::size_t j = 0; j < kDimensions; ++j)
          sums[j] += static_cast<std::int64_t>(table.vectors[at * kDimensions + j]);
      };
      for (std::size_t p = 0; p < positions; ++p) add(p * 256 + image[p]);
      for (std::size_t p = 0; positions == 0 && p + 1 < kSessionBytes; ++p) {
        if (const std::size_t pair = image[p] * 256U + image[p + 1]; pair != 0) add(pair);
      }
      wanted.insert(wanted.end(), sums.begin(), sums.end());
    }
    test::onEveryTarget(vectorWordKernel, [&](const WordKernel&) {
      CHECK(wordSums(images, table, kDimensions, positions, 2, control) == wanted);
    });
  }
}

TEST_CASE("word tables: factors are those of the plain twin, as far as they look to each other") {
  const JobControl control;
  for (const std::size_t sessions : {3U, 9U, 16U, 40U}) {
    for (const std::size_t dimensions : {1U, 6U, 33U}) {
      // So many directions are drawn that the factorisation is exact.
      if (sessions > dimensions + 10) continue;
      CAPTURE(sessions);
      CAPTURE(dimensions);
      for (const std::size_t positions : {0U, 5U, 40U}) {
        CAPTURE(positions);
        const Bytes images = randomSessions(sessions, 4, sessions);
        const auto table = tableOf(images, dimensions, 1, 1, positions);
        const auto factors = unitRows(wordSums(images, table, dimensions, positions, 1, control), dimensions);
        const Matrix twin = Twin(images, int(positions)).factors(dimensions);
        for (std::size_t a = 0; a < sessions; ++a) {
          for (std::size_t b = 0; b < sessions; ++b) {
            double cosine = 0;
            for (std::size_t j = 0; j < dimensions; ++j)
              cosine += double{factors[a * dimensions + j]} * factors[b * dimensions + j];
            // Vectors are rounded to a 16384th of the greatest number among them.
            REQUIRE(std::abs(cosine - dot(twin[a], twin[b])) < 1e-3);
          }
        }
      }
    }
  }
}

TEST_CASE("word tables: only pairs that two sessions and less than half of them hold have vectors") {
  const Bytes images = randomSessions(40, 12, 8);
  const Twin twin(images);
  REQUIRE(twin.pairs.size() > 5);
  const WordTable table = tableOf(images, 20);
  CHECK(std::equal(table.words.begin(), table.words.end(), twin.pairs.begin(), twin.pairs.end()));
  CHECK(table.vectors.size() == table.words.size() * 20);
}

TEST_CASE("word tables: whole numbers, the greatest of them 2^14, no negative zeros") {
  const WordTable table = tableOf(randomSessions(60, 12, 8), 20);
  float greatest = 0;
  for (const float value : table.vectors) {
    REQUIRE(value == std::nearbyint(value));
    REQUIRE_FALSE((value == 0 && std::signbit(value)));
    greatest = std::max(greatest, std::abs(value));
  }
  CHECK(greatest == kMaxWhole);
}

TEST_CASE("word tables: the number of threads changes nothing, the seed little") {
  const JobControl control;
  const Bytes images = randomSessions(300, 16, 4);
  const auto table = tableOf(images, 24, 1);
  CHECK(same(table, tableOf(images, 24, 3)));
  CHECK(same(table, tableOf(images, 24, 2)));
  CHECK_FALSE(same(table, tableOf(images, 24, 1, 7)));
  const auto sums = wordSums(images, table, 24, 0, 1, control);
  CHECK(sums == wordSums(images, table, 24, 0, 4, control));
  const std::vector<float> first = wordSums(std::span(images).first(784), table, 24, 0, 1, control);
  CHECK(std::equal(first.begin(), first.end(), sums.begin()));
}

TEST_CASE("word tables: few, empty and equal sessions give zeros, never what is no number") {
  const JobControl control;
  for (const Bytes& images : {Bytes(784), Bytes(784 * 30), randomSessions(1, 5, 1), randomSessions(2, 5, 1),
                              Bytes(784 * 5, 200), randomSessions(4, 1, 1)}) {
    const auto table = tableOf(images, 128);
    CHECK(std::all_of(table.vectors.begin(), table.vectors.end(), [](float x) { return x == 0; }));
    const auto sums = wordSums(images, table, 128, 0, 1, control);
    CHECK(std::all_of(sums.begin(), sums.end(), [](float x) { return x == 0; }));
  }
  // More dimensions than sessions: zeros behind the rank.
  const auto wide = tableOf(randomSessions(12, 8, 3), 64);
  CHECK(std::all_of(wide.vectors.begin(), wide.vectors.end(), [](float x) { return std::isfinite(x); }));
  for (std::size_t row = 0; row < wide.words.size(); ++row) {
    for (std::size_t j = 12; j < 64; ++j) REQUIRE(wide.vectors[row * 64 + j] == 0);
  }
}

TEST_CASE("word tables: wrong sizes are refused, and a stop is heard") {
  JobControl control;
  const Bytes images = randomSessions(40, 6, 1);
  CHECK_THROWS_AS(fitWordTable({}, {8, 1}, 1, control), std::invalid_argument);
  CHECK_THROWS_AS(fitWordTable(std::span(images).first(783), {8, 1}, 1, control), std::invalid_argument);
  CHECK_THROWS_AS(fitWordTable(images, {0, 1}, 1, control), std::invalid_argument);
  CHECK_THROWS_AS(fitWordTable(images, {257, 1}, 1, control), std::invalid_argument);
  CHECK_THROWS_AS(fitWordTable(images, {8, 1, 257}, 1, control), std::invalid_argument);
  const WordTable table{{3, 9}, std::vector<float>(4)};
  CHECK_THROWS_AS(wordSums(images, table, 3, 0, 1, control), std::invalid_argument);
  CHECK_THROWS_AS(wordSums(std::span(images).first(10), table, 2, 0, 1, control), std::invalid_argument);
  control.stop = true;
  CHECK(fitWordTable(images, {8, 1}, 1, control).words.empty());
}

TEST_SUITE_END();

}  // namespace
