// See word_table.hpp.
#include "words/word_table.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include "forest/random32.hpp"
#include "task_team.hpp"
#include "words/dense.hpp"
#include "words/word_matrix.hpp"

namespace flowglyph {
namespace {

constexpr std::size_t kOversampling = 10;
constexpr int kPowerIterations = 3;
// Singular values below this part of the greatest are what rounding left of 0.
constexpr double kLeast = 1e-5;
constexpr std::size_t kSessionsOfTask = 64;

std::size_t aligned(std::size_t width) { return (width + kWidthAlign - 1) / kWidthAlign * kWidthAlign; }

Tall randomDirections(std::size_t rows, std::size_t columns, std::uint64_t seed) {
  constexpr std::uint32_t kSteps = 1U << 24;
  Random32 random(seed, 0);
  Tall directions(rows, aligned(columns));
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c)
      directions.row(r)[c] = static_cast<float>(random.below(kSteps)) / (kSteps / 2) - 1;
  }
  return directions;
}

void roundToWhole(std::vector<float>& values) {
  float greatest = 0;
  for (const float value : values) greatest = std::max(greatest, std::abs(value));
  if (greatest == 0) return;
  const double scale = double{kMaxWhole} / double{greatest};
  for (float& value : values) value = static_cast<float>(std::nearbyint(value * scale)) + 0.0F;  // no -0
}

}  // namespace

WordTable fitWordTable(std::span<const std::uint8_t> images, const WordTableOptions& options,
                       unsigned threads, const JobControl& control) {
  const std::size_t dimensions = options.dimensions;
  if (dimensions < 1 || dimensions > kMaxDimensions)
    throw std::invalid_argument("Expected 1 to 256 dimensions");
  if (images.empty() || images.size() % kSessionBytes != 0)
    throw std::invalid_argument("Expected images of 784 bytes each, at least one");
  if (images.size() / kSessionBytes > kMaxSessions)
    throw std::invalid_argument("Expected at most 65536 images");

  if (options.positions > kMaxPositions) throw std::invalid_argument("Expected at most 256 positions");

  TaskTeam team(threads);
  const Workers workers{team, selectWordKernel()};
  const WordMatrix matrix = wordMatrix(images, options.positions, team);
  if (matrix.words.empty()) return {};

  // Q: orthonormal columns that span nearly what the greatest singular vectors of the sessions do.
  Tall q = multiply(matrix.bySession,
                    randomDirections(matrix.words.size(), dimensions + kOversampling, options.seed), workers);
  orthonormalise(q, workers);
  for (int i = 0; i < kPowerIterations; ++i) {
    if (control.stop) return {};
    q = multiply(matrix.bySession, multiply(matrix.byWord, q, workers), workers);
    orthonormalise(q, workers);
  }
  if (control.stop) return {};
  // A ~ Q B, B^T (words x width) = A^T Q; B B^T = W S^2 W^T, so V = B^T W / S.
  const Tall b = multiply(matrix.byWord, q, workers);
  const Eigen eigen = eigenOf(gramOf(b, workers), b.width);
  Square scaled(b.width * b.width, 0);  // W S^(-3/2), the first `dimensions` columns
  for (std::size_t j = 0; j < dimensions; ++j) {
    const double singular = std::sqrt(std::max(0.0, eigen.values[j]));
    if (!(singular > kLeast * std::sqrt(eigen.values[0]))) break;
    const double factor = std::pow(singular, -1.5);
    for (std::size_t i = 0; i < b.width; ++i)
      scaled[i * b.width + j] = eigen.vectors[i * b.width + j] * factor;
  }
  const Tall vectors = multiply(b, scaled, workers);
  WordTable table{matrix.words, std::vector<float>(matrix.words.size() * dimensions)};
  for (std::size_t k = 0; k < matrix.words.size(); ++k) {
    float* row = table.vectors.data() + k * dimensions;
    for (std::size_t j = 0; j < dimensions; ++j) row[j] = matrix.weights[k] * vectors.row(k)[j];
  }
  roundToWhole(table.vectors);
  return table;
}

std::vector<float> wordSums(std::span<const std::uint8_t> images, const WordTable& table,
                            std::size_t dimensions, Positions positions, unsigned threads,
                            const JobControl& control) {
  if (dimensions < 1 || table.vectors.size() != table.words.size() * dimensions)
    throw std::invalid_argument("Expected a vector of the table for each of its words");
  if (table.words.size() > kWords) throw std::invalid_argument("Expected at most 65536 words");
  if (images.size() % kSessionBytes != 0) throw std::invalid_argument("Expected images of 784 bytes each");
  if (positions > kMaxPositions) throw std::invalid_argument("Expected at most 256 positions");
  const std::size_t sessions = images.size() / kSessionBytes;
  TaskTeam team(threads);
  const WordKernel kernel = selectWordKernel();
  std::vector<float> sums(sessions * dimensions);
  // The kernel wants aligned widths; an own copy of the table has them.
  const std::size_t width = aligned(dimensions);
  std::vector<float> padded;
  if (width != dimensions) {
    padded.assign(table.words.size() * width, 0.0F);
    for (std::size_t row = 0; row < table.words.size(); ++row)
      std::copy_n(table.vectors.data() + row * dimensions, dimensions, padded.data() + row * width);
  }
  const float* rows = padded.empty() ? table.vectors.data() : padded.data();
  std::vector<std::int32_t> rowOf(kWords, -1);
  for (std::size_t row = 0; row < table.words.size(); ++row)
    rowOf[table.words[row]] = static_cast<std::int32_t>(row);
  std::array<float, kMaxWordsOfSession> ones;
  ones.fill(1);
  team.run((sessions + kSessionsOfTask - 1) / kSessionsOfTask, [&](std::size_t part) {
    if (control.stop) return;
    std::array<std::uint16_t, kMaxWordsOfSession> known;
    std::vector<float> sum(width);
    const std::size_t end = std::min(sessions, (part + 1) * kSessionsOfTask);
    for (std::size_t session = part * kSessionsOfTask; session < end; ++session) {
      std::size_t count = 0;
      forEachWord(images.data() + session * kSessionBytes, positions, [&](std::uint16_t word) {
        if (rowOf[word] >= 0) known[count++] = static_cast<std::uint16_t>(rowOf[word]);
      });
      kernel.weightedSum(rows, width, known.data(), ones.data(), count, sum.data());
      std::copy_n(sum.data(), dimensions, sums.data() + session * dimensions);
    }
  });
  return sums;
}

}  // namespace flowglyph
