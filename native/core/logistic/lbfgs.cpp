// See lbfgs.hpp.
#include "logistic/lbfgs.hpp"

#include <algorithm>
#include <cmath>
#include <deque>

namespace flowglyph {
namespace {

using Vector = std::vector<double>;

constexpr double kDecrease = 1e-4;  // c1 and c2 of the strong Wolfe conditions
constexpr double kCurvature = 0.9;
constexpr int kTrials = 30;  // points that a line search tries

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// A step, and how the gradient changed along it.
struct Pair {
  Vector step;
  Vector change;
  double inverse;  // 1 / (step . change)
};

// Algorithm 7.4: minus the approximate inverse Hessian times the gradient.
Vector direction(const Vector& gradient, const std::deque<Pair>& pairs) {
  Vector q = gradient;
  Vector alpha(pairs.size());
  for (std::size_t i = pairs.size(); i-- > 0;) {
    alpha[i] = pairs[i].inverse * dot(pairs[i].step, q);
    for (std::size_t k = 0; k < q.size(); ++k) q[k] -= alpha[i] * pairs[i].change[k];
  }
  if (!pairs.empty()) {
    const double scale =
        1 / (pairs.back().inverse * dot(pairs.back().change, pairs.back().change));  // (7.20)
    for (double& value : q) value *= scale;
  }
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const double beta = pairs[i].inverse * dot(pairs[i].change, q);
    for (std::size_t k = 0; k < q.size(); ++k) q[k] += (alpha[i] - beta) * pairs[i].step[k];
  }
  for (double& value : q) value = -value;
  return q;
}

// The objective along a line, and the last point that was asked for.
class Line {
 public:
  Line(const Objective& objective, const Vector& from, const Vector& along)
      : objective_(objective), from_(from), along_(along), point(from.size()), gradient(from.size()) {}

  struct At {
    double length;
    double value;
    double slope;
  };
  At at(double length) {
    for (std::size_t k = 0; k < point.size(); ++k) point[k] = from_[k] + length * along_[k];
    value = objective_(point, gradient);
    return {length, value, dot(gradient, along_)};
  }

 private:
  const Objective& objective_;
  const Vector& from_;
  const Vector& along_;

 public:
  Vector point;
  Vector gradient;
  double value = 0;
};

// The minimum of the cubic through two points (3.59), kept off both ends of the interval between them.
double between(const Line::At& a, const Line::At& b) {
  const double d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.length - b.length);
  const double root = std::sqrt(d1 * d1 - a.slope * b.slope);
  const double d2 = b.length > a.length ? root : -root;
  const double length = b.length - (b.length - a.length) * (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2);
  const double low = std::min(a.length, b.length);
  const double span = std::abs(b.length - a.length);
  if (!(length > low + 0.05 * span && length < low + 0.95 * span)) return low + 0.5 * span;
  return length;
}

// Leaves the line at a point that fulfils the strong Wolfe conditions, or at one that is lower, or says no.
bool search(Line& line, const Line::At& start, double length) {
  const auto isHigh = [&](const Line::At& at) {
    return !(at.value <= start.value + kDecrease * at.length * start.slope);
  };
  const auto isFlat = [&](const Line::At& at) { return std::abs(at.slope) <= -kCurvature * start.slope; };
  Line::At low = start;
  Line::At high{};
  bool bracketed = false;
  for (int trial = 0; trial < kTrials; ++trial) {
    const Line::At at = line.at(length);
    if (std::isnan(at.value)) return false;
    if (isHigh(at) || (low.length > 0 && at.value >= low.value)) {
      high = at;
      bracketed = true;
    } else {
      if (isFlat(at)) return true;
      if (bracketed ? at.slope * (high.length - low.length) >= 0 : at.slope >= 0) {
        high = low;
        bracketed = true;
      }
      low = at;
    }
    length = bracketed ? between(low, high) : 2 * low.length;
  }
  // Rounding hides the slope this close to the minimum: the lowest point will do.
  return low.length > 0 && line.at(low.length).value < start.value;
}

}  // namespace

Minimum minimise(const Objective& objective, std::vector<double>& x, const MinimiserOptions& options) {
  Vector gradient(x.size());
  Minimum minimum;
  minimum.value = objective(x, gradient);
  const double first = std::sqrt(dot(gradient, gradient));
  std::deque<Pair> pairs;
  for (;; ++minimum.iterations) {
    const double length = std::sqrt(dot(gradient, gradient));
    minimum.converged = !std::isnan(minimum.value) && length <= options.tolerance * first;
    if (minimum.converged || std::isnan(minimum.value) || minimum.iterations == options.iterations)
      return minimum;
    const Vector along = direction(gradient, pairs);
    Line line(objective, x, along);
    const double slope = dot(gradient, along);
    if (!search(line, {0, minimum.value, slope}, pairs.empty() ? 1 / length : 1)) {
      // What is known of the curvature may be wrong: once more without it, before giving up.
      if (pairs.empty()) return minimum;
      pairs.clear();
      continue;
    }
    Pair pair{Vector(x.size()), Vector(x.size()), 0};
    for (std::size_t k = 0; k < x.size(); ++k) {
      pair.step[k] = line.point[k] - x[k];
      pair.change[k] = line.gradient[k] - gradient[k];
    }
    const double curvature = dot(pair.step, pair.change);
    if (curvature > 0) {
      pair.inverse = 1 / curvature;
      pairs.push_back(std::move(pair));
      if (pairs.size() > options.history) pairs.pop_front();
    }
    x = line.point;
    gradient = line.gradient;
    minimum.value = line.value;
  }
}

}  // namespace flowglyph
