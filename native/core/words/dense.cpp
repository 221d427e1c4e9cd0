// See dense.hpp.
#include "words/dense.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace flowglyph {
namespace {

constexpr std::size_t kRowsOfTask = 64;
constexpr std::size_t kRowsOfGram = 1024;  // partial sums that are added up in order
// A column whose part outside of those before it is shorter than this, of its own length, counts as
// dependent.
constexpr double kDependent = 1e-6;
constexpr int kSweeps = 30;  // six to ten are usual

template <typename Task>
void overRows(std::size_t rows, TaskTeam& team, Task&& task) {
  team.run((rows + kRowsOfTask - 1) / kRowsOfTask, [&](std::size_t part) {
    const std::size_t end = std::min(rows, (part + 1) * kRowsOfTask);
    for (std::size_t row = part * kRowsOfTask; row < end; ++row) task(row);
  });
}

// Upper triangular T such that the columns of Y T are orthonormal, for Y with this Gram matrix.
Square orthonormaliser(const Square& gram, std::size_t width) {
  // Columns scaled to unit length first, so that small ones count as much as large ones.
  std::vector<double> scale(width, 0);
  for (std::size_t j = 0; j < width; ++j) {
    const double length = std::sqrt(gram[j * width + j]);
    scale[j] = length > 0 && std::isfinite(length) ? 1 / length : 0;
  }
  // Cholesky: gram = R^T R; a dependent column's row of R is 0.
  Square r(width * width, 0);
  for (std::size_t j = 0; j < width; ++j) {
    const auto at = [&](std::size_t i) { return gram[j * width + i] * scale[i] * scale[j]; };
    double rest = at(j);
    for (std::size_t k = 0; k < j; ++k) rest -= r[k * width + j] * r[k * width + j];
    if (!(rest > kDependent * kDependent)) continue;
    const double pivot = std::sqrt(rest);
    r[j * width + j] = pivot;
    for (std::size_t i = j + 1; i < width; ++i) {
      double sum = at(i);
      for (std::size_t k = 0; k < j; ++k) sum -= r[k * width + j] * r[k * width + i];
      r[j * width + i] = sum / pivot;
    }
  }
  // T = scale * R^-1 by back substitution.
  Square t(width * width, 0);
  for (std::size_t j = 0; j < width; ++j) {
    if (r[j * width + j] == 0) continue;
    t[j * width + j] = 1 / r[j * width + j];
    for (std::size_t i = j; i-- > 0;) {
      if (r[i * width + i] == 0) continue;
      double sum = 0;
      for (std::size_t k = i + 1; k <= j; ++k) sum += r[i * width + k] * t[k * width + j];
      t[i * width + j] = -sum / r[i * width + i];
    }
  }
  for (std::size_t i = 0; i < width; ++i) {
    for (std::size_t j = i; j < width; ++j) t[i * width + j] *= scale[i];
  }
  return t;
}

}  // namespace

Tall multiply(const SparseRows& sparse, const Tall& dense, const Workers& workers) {
  Tall out(sparse.rows(), dense.width);
  overRows(sparse.rows(), workers.team, [&](std::size_t row) {
    const std::size_t start = sparse.starts[row];
    workers.kernel.weightedSum(dense.values.data(), dense.width, sparse.index.data() + start,
                               sparse.values.data() + start, sparse.starts[row + 1] - start, out.row(row));
  });
  return out;
}

Tall multiply(const Tall& dense, const Square& square, const Workers& workers) {
  const std::vector<float> right(square.begin(), square.end());
  std::vector<std::uint16_t> all(dense.width);
  std::iota(all.begin(), all.end(), std::uint16_t{0});
  Tall out(dense.rows, dense.width);
  overRows(dense.rows, workers.team, [&](std::size_t row) {
    workers.kernel.weightedSum(right.data(), dense.width, all.data(), dense.row(row), dense.width,
                               out.row(row));
  });
  return out;
}

Square gramOf(const Tall& dense, const Workers& workers) {
  const std::size_t size = dense.width * dense.width;
  const std::size_t parts = (dense.rows + kRowsOfGram - 1) / kRowsOfGram;
  std::vector<Square> partial(parts);
  workers.team.run(parts, [&](std::size_t part) {
    const std::size_t first = part * kRowsOfGram;
    partial[part].assign(size, 0);
    workers.kernel.addProducts(dense.row(first), std::min(kRowsOfGram, dense.rows - first), dense.width,
                               partial[part].data());
  });
  Square gram(size, 0);
  for (const Square& part : partial) {
    for (std::size_t k = 0; k < size; ++k) gram[k] += part[k];
  }
  for (std::size_t i = 0; i < dense.width; ++i) {
    for (std::size_t j = 0; j < i; ++j) gram[i * dense.width + j] = gram[j * dense.width + i];
  }
  return gram;
}

void orthonormalise(Tall& dense, const Workers& workers) {
  for (int pass = 0; pass < 2; ++pass)
    dense = multiply(dense, orthonormaliser(gramOf(dense, workers), dense.width), workers);
}

Eigen eigenOf(Square a, std::size_t width) {
  // Rows of `v` are the eigenvectors, so that a rotation runs along rows.
  Square v(width * width, 0);
  for (std::size_t i = 0; i < width; ++i) v[i * width + i] = 1;
  double whole = 0;
  for (const double value : a) whole += value * value;
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    double off = 0;
    for (std::size_t p = 0; p < width; ++p) {
      for (std::size_t q = p + 1; q < width; ++q) off += a[p * width + q] * a[p * width + q];
    }
    if (off <= 1e-30 * whole) break;
    for (std::size_t p = 0; p + 1 < width; ++p) {
      for (std::size_t q = p + 1; q < width; ++q) {
        const double apq = a[p * width + q];
        const double app = a[p * width + p];
        const double aqq = a[q * width + q];
        if (apq * apq <= 1e-34 * whole) continue;
        const double theta = (aqq - app) / (2 * apq);
        const double t = (theta >= 0 ? 1 : -1) / (std::abs(theta) + std::sqrt(theta * theta + 1));
        const double c = 1 / std::sqrt(t * t + 1);
        const double s = t * c;
        double* rowP = a.data() + p * width;
        double* rowQ = a.data() + q * width;
        double* vectorP = v.data() + p * width;
        double* vectorQ = v.data() + q * width;
        for (std::size_t k = 0; k < width; ++k) {
          const double x = rowP[k];
          const double y = rowQ[k];
          rowP[k] = c * x - s * y;
          rowQ[k] = s * x + c * y;
          const double f = vectorP[k];
          const double g = vectorQ[k];
          vectorP[k] = c * f - s * g;
          vectorQ[k] = s * f + c * g;
        }
        // The matrix stays symmetric: its columns are its rows, but for the crossing of the two.
        for (std::size_t k = 0; k < width; ++k) {
          if (k == p || k == q) continue;
          a[k * width + p] = rowP[k];
          a[k * width + q] = rowQ[k];
        }
        rowP[p] = app - t * apq;
        rowQ[q] = aqq + t * apq;
        rowP[q] = rowQ[p] = 0;
      }
    }
  }
  std::vector<std::size_t> order(width);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t left, std::size_t right) {
    return a[left * width + left] > a[right * width + right];
  });
  Eigen eigen{std::vector<double>(width), Square(width * width)};
  for (std::size_t j = 0; j < width; ++j) {
    const double* vector = v.data() + order[j] * width;
    const double* largest = std::max_element(
        vector, vector + width, [](double left, double right) { return std::abs(left) < std::abs(right); });
    const double sign = *largest < 0 ? -1 : 1;
    eigen.values[j] = a[order[j] * width + order[j]];
    for (std::size_t i = 0; i < width; ++i) eigen.vectors[i * width + j] = sign * vector[i];
  }
  return eigen;
}

}  // namespace flowglyph
