// What sessions have in common, without labels: latent semantic analysis (Deerwester, Dumais, Furnas,
// Landauer, Harshman, JASIS 41, 1990) of the words of their images (word_matrix.hpp). A table gives each word
// a vector; a session's factors are the sum of its words' vectors, scaled by whoever asks for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "job_control.hpp"
#include "words/word_matrix.hpp"

namespace flowglyph {

inline constexpr std::size_t kMaxDimensions = 256;

struct WordTableOptions {
  std::size_t dimensions = 128;  // 1 to kMaxDimensions
  std::uint64_t seed = 0;
  Positions positions = 0;  // at most kMaxPositions
};

// Vectors of the words that have one; whole numbers, so that sums of them are exact in float32, whoever adds
// them up.
struct WordTable {
  std::vector<std::uint16_t> words;  // ascending
  std::vector<float> vectors;        // [words][dimensions]
};

// Magnitudes of vectors, at most: 783 of them add up to less than 2^24.
inline constexpr float kMaxWhole = 16384;

// `images`: rows of 784 bytes, at most 65,536. The vectors are weight * V * S^(-1/2) of the truncated
// singular value decomposition U S V^T of the matrix in word_matrix.hpp, scaled so that the greatest
// magnitude is kMaxWhole, and rounded; zeros for dimensions beyond its rank. Randomised, with three power
// iterations (Halko, Martinsson, Tropp, SIAM Review 53, 2011, algorithms 4.4 and 5.1). Depends on images and
// options alone. Throws std::invalid_argument; empty where the control said stop.
WordTable fitWordTable(std::span<const std::uint8_t> images, const WordTableOptions& options,
                       unsigned threads, const JobControl& control);

// images: rows of 784 bytes; table: of vectors of `dimensions` numbers -> [rows][dimensions], the sums of the
// vectors of a session's words. Throws std::invalid_argument; incomplete where the control said stop.
std::vector<float> wordSums(std::span<const std::uint8_t> images, const WordTable& table,
                            std::size_t dimensions, Positions positions, unsigned threads,
                            const JobControl& control);

}  // namespace flowglyph
