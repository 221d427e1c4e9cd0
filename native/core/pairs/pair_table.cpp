// See pair_table.hpp.
#include "pairs/pair_table.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include "forest/random32.hpp"
#include "pairs/dense.hpp"
#include "pairs/pair_matrix.hpp"
#include "task_team.hpp"

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

}  // namespace

std::vector<float> fitPairTable(std::span<const std::uint8_t> images, const PairTableOptions& options,
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
  const Workers workers{team, selectPairKernel()};
  const WordMatrix matrix = wordMatrix(images, options.positions, team);
  std::vector<float> table(kWords * dimensions, 0.0F);
  if (matrix.words.empty()) return table;

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
  for (std::size_t k = 0; k < matrix.words.size(); ++k) {
    float* row = table.data() + matrix.words[k] * dimensions;
    for (std::size_t j = 0; j < dimensions; ++j) row[j] = matrix.weights[k] * vectors.row(k)[j];
  }
  return table;
}

std::vector<float> pairFactors(std::span<const std::uint8_t> images, std::span<const float> table,
                               std::size_t dimensions, Positions positions, unsigned threads,
                               const JobControl& control) {
  if (dimensions < 1 || table.size() != kWords * dimensions)
    throw std::invalid_argument("Expected a table of 65536 rows");
  if (images.size() % kSessionBytes != 0) throw std::invalid_argument("Expected images of 784 bytes each");
  if (positions > kMaxPositions) throw std::invalid_argument("Expected at most 256 positions");
  const std::size_t sessions = images.size() / kSessionBytes;
  TaskTeam team(threads);
  const PairKernel kernel = selectPairKernel();
  std::vector<float> factors(sessions * dimensions);
  // The kernel wants aligned widths; an own copy of the table has them.
  const std::size_t width = aligned(dimensions);
  std::vector<float> padded;
  if (width != dimensions) {
    padded.assign(kWords * width, 0.0F);
    for (std::size_t word = 0; word < kWords; ++word)
      std::copy_n(table.data() + word * dimensions, dimensions, padded.data() + word * width);
  }
  const float* rows = padded.empty() ? table.data() : padded.data();
  std::array<float, kMaxWordsOfSession> ones;
  ones.fill(1);
  team.run((sessions + kSessionsOfTask - 1) / kSessionsOfTask, [&](std::size_t part) {
    if (control.stop) return;
    std::array<std::uint16_t, kMaxWordsOfSession> words;
    std::vector<float> sum(width);
    const std::size_t end = std::min(sessions, (part + 1) * kSessionsOfTask);
    for (std::size_t session = part * kSessionsOfTask; session < end; ++session) {
      std::size_t count = 0;
      forEachWord(images.data() + session * kSessionBytes, positions,
                  [&](std::uint16_t word) { words[count++] = word; });
      kernel.weightedSum(rows, width, words.data(), ones.data(), count, sum.data());
      double squares = 0;
      for (std::size_t j = 0; j < dimensions; ++j) squares += double{sum[j]} * double{sum[j]};
      const double scale = squares > 0 ? 1 / std::sqrt(squares) : 0;
      for (std::size_t j = 0; j < dimensions; ++j)
        factors[session * dimensions + j] = static_cast<float>(sum[j] * scale);
    }
  });
  return factors;
}

}  // namespace flowglyph
