// What sessions have in common, without labels: latent semantic analysis (Deerwester, Dumais, Furnas,
// Landauer, Harshman, JASIS 41, 1990) of the words of their images (pair_matrix.hpp). A table gives each word
// a vector; a session's factors are the sum of its words' vectors, scaled to unit length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "job_control.hpp"
#include "pairs/pair_matrix.hpp"

namespace flowglyph {

inline constexpr std::size_t kMaxDimensions = 256;

struct PairTableOptions {
  std::size_t dimensions = 128;  // 1 to kMaxDimensions
  std::uint64_t seed = 0;
  Positions positions = 0;  // at most kMaxPositions
};

// `images`: rows of 784 bytes, at most 65,536. Returns [65536][dimensions]: weight * V * S^(-1/2) of the
// truncated singular value decomposition U S V^T of the matrix in pair_matrix.hpp; zeros for words that it
// does not hold, and for dimensions beyond its rank. Randomised, with three power iterations (Halko,
// Martinsson, Tropp, SIAM Review 53, 2011, algorithms 4.4 and 5.1). Depends on images and options alone.
// Throws std::invalid_argument; empty where the control said stop.
std::vector<float> fitPairTable(std::span<const std::uint8_t> images, const PairTableOptions& options,
                                unsigned threads, const JobControl& control);

// images: rows of 784 bytes; table: [65536][dimensions] -> [rows][dimensions], each row of length 1, or 0
// where the table knows none of its words. Throws std::invalid_argument; incomplete where the control said
// stop.
std::vector<float> pairFactors(std::span<const std::uint8_t> images, std::span<const float> table,
                               std::size_t dimensions, Positions positions, unsigned threads,
                               const JobControl& control);

}  // namespace flowglyph
