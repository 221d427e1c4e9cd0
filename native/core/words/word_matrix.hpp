// Which words sessions hold, adjacent byte pairs or bytes where they stand: a sparse matrix of sessions by
// words, weighted as text retrieval weights them (Salton and Buckley, Information Processing and Management
// 24, 1988).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "task_team.hpp"

namespace flowglyph {

// Words have numbers below this.
inline constexpr std::size_t kWords = 65536;
inline constexpr std::size_t kSessionBytes = 784;
inline constexpr std::size_t kMaxPositions = 256;
inline constexpr std::size_t kMaxWordsOfSession = kSessionBytes - 1;

// 0: adjacent byte pairs, first byte * 256 + second byte, wherever they stand. Otherwise that many bytes at
// the head of a session, each with its position: position * 256 + byte.
using Positions = std::size_t;

// Headers come first, and what they say weighs most: a byte at position p weighs exp(-p / kReach).
inline constexpr double kReach = 10;

// Calls take(word) for every word of a session; of pairs for all but (0, 0), which is what padding consists
// of.
template <typename Take>
void forEachWord(const std::uint8_t* image, Positions positions, Take&& take) {
  for (std::size_t p = 0; p < positions; ++p) take(static_cast<std::uint16_t>(p << 8 | image[p]));
  if (positions > 0) return;
  for (std::size_t p = 0; p < kSessionBytes - 1; ++p) {
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

struct WordMatrix {
  // The columns: words that at least two sessions hold, and less than half of them.
  std::vector<std::uint16_t> words;  // ascending
  // ln(sessions / sessions that hold the word); of positions times exp(-position / kReach).
  std::vector<float> weights;
  // count * weight, each session scaled to unit length; a session without a kept word is empty.
  SparseRows bySession;
  SparseRows byWord;  // its transpose
};

inline constexpr std::size_t kMaxSessions = 65536;

// `images`: rows of 784 bytes, at most kMaxSessions. The matrix does not depend on the number of threads.
WordMatrix wordMatrix(std::span<const std::uint8_t> images, Positions positions, TaskTeam& team);

}  // namespace flowglyph
