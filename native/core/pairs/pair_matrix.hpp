// Which adjacent byte pairs sessions hold: a sparse matrix of sessions by pairs, weighted as text retrieval
// weights words (Salton and Buckley, Information Processing and Management 24, 1988).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "task_team.hpp"

namespace flowglyph {

inline constexpr std::size_t kPairs = 65536;  // first byte * 256 + second byte
inline constexpr std::size_t kSessionBytes = 784;
inline constexpr std::size_t kPairsOfSession = kSessionBytes - 1;

// Calls take(pair) for every pair of a session but (0, 0), which is what padding consists of.
template <typename Take>
void forEachPair(const std::uint8_t* image, Take&& take) {
  for (std::size_t p = 0; p < kPairsOfSession; ++p) {
    const auto pair = static_cast<std::uint16_t>(image[p] << 8 | image[p + 1]);
    if (pair != 0) take(pair);
  }
}

// Compressed rows: row r holds index[k] and values[k], k in [starts[r], starts[r + 1]).
struct SparseRows {
  std::vector<std::size_t> starts;
  std::vector<std::uint16_t> index;
  std::vector<float> values;

  std::size_t rows() const { return starts.size() - 1; }
};

struct PairMatrix {
  // The columns: pairs that at least two sessions hold, and less than half of them.
  std::vector<std::uint16_t> pairs;  // ascending
  std::vector<float> idf;            // ln(sessions / sessions that hold the pair)
  // count * idf, each session scaled to unit length; a session without a kept pair is empty.
  SparseRows bySession;
  SparseRows byPair;  // its transpose
};

inline constexpr std::size_t kMaxSessions = 65536;

// `images`: rows of 784 bytes, at most kMaxSessions. The matrix does not depend on the number of threads.
PairMatrix pairMatrix(std::span<const std::uint8_t> images, TaskTeam& team);

}  // namespace flowglyph
