// Minimises a smooth function by L-BFGS (Nocedal and Wright, Numerical Optimization, 2nd edition, algorithms
// 7.4 and 7.5), with the line search of algorithms 3.5 and 3.6.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace flowglyph {

// Writes the gradient at x and returns the value. Returns NaN to end the search where it is.
using Objective = std::function<double(std::span<const double> x, std::span<double> gradient)>;

struct MinimiserOptions {
  std::size_t history = 10;         // pairs of steps and gradients that approximate the curvature
  std::uint32_t iterations = 2000;  // at most
  double tolerance = 1e-6;          // converged: the gradient's length is this part of what it was at first
};

struct Minimum {
  double value = 0;
  std::uint32_t iterations = 0;
  bool converged = false;
};

// From x on, which becomes the least point found.
Minimum minimise(const Objective& objective, std::vector<double>& x, const MinimiserOptions& options = {});

}  // namespace flowglyph
