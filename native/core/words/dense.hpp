// Tall dense matrices, and the small dense algebra that a truncated factorisation needs: Gram matrices,
// orthonormal columns, eigenvectors. All results are the same with any number of threads.
#pragma once

#include <cstddef>
#include <vector>

#include "task_team.hpp"
#include "words/word_kernel.hpp"
#include "words/word_matrix.hpp"

namespace flowglyph {

// Rows of `width` floats, width a multiple of kWidthAlign.
struct Tall {
  Tall(std::size_t rowCount, std::size_t columns)
      : rows(rowCount), width(columns), values(rowCount * columns, 0.0F) {}

  std::size_t rows;
  std::size_t width;
  std::vector<float> values;

  float* row(std::size_t r) { return values.data() + r * width; }
  const float* row(std::size_t r) const { return values.data() + r * width; }
};

// Square and symmetric or triangular, in double.
using Square = std::vector<double>;  // [width][width]

// What the products run on.
struct Workers {
  TaskTeam& team;
  WordKernel kernel;
};

// sparse (R x C) times dense (C x width).
Tall multiply(const SparseRows& sparse, const Tall& dense, const Workers& workers);

// dense (R x width) times square (width x width), rounded to float first.
Tall multiply(const Tall& dense, const Square& square, const Workers& workers);

// The transpose of dense times itself.
Square gramOf(const Tall& dense, const Workers& workers);

// Replaces the columns by orthonormal ones that span the same space. Columns that depend on those before them
// become 0. Cholesky on the Gram matrix, twice (Fukaya, Nakatsukasa, Yanagisawa, Yamamoto, ScalA 2014).
void orthonormalise(Tall& dense, const Workers& workers);

struct Eigen {
  std::vector<double> values;  // descending
  Square vectors;              // column j belongs to values[j], its largest component is positive
};

// Of a symmetric matrix, by cyclic Jacobi rotations (Golub and Van Loan, Matrix Computations, 8.5).
Eigen eigenOf(Square symmetric, std::size_t width);

}  // namespace flowglyph
