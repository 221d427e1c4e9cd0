// See logistic.hpp.
#include "logistic/logistic.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "logistic/logistic_kernel.hpp"

namespace flowglyph {
namespace {

// Rows are summed up in parts that do not depend on the number of threads, and parts in order.
constexpr std::size_t kParts = 64;
constexpr std::size_t kRowsOfPart = 64;   // at least
constexpr std::size_t kRowsAbreast = 16;  // whose logits are kept at once

// Logits of one row -> probabilities less 1 at the label, 0 behind the classes. Returns -ln p(label).
double residuals(double* row, std::size_t classes, std::size_t stride, std::size_t label) {
  const double greatest = *std::max_element(row, row + classes);
  const double own = row[label] - greatest;
  double sum = 0;
  for (std::size_t k = 0; k < classes; ++k) sum += row[k] = std::exp(row[k] - greatest);
  for (std::size_t k = 0; k < classes; ++k) row[k] /= sum;
  row[label] -= 1;
  std::fill(row + classes, row + stride, 0.0);
  return std::log(sum) - own;
}

}  // namespace

LogisticObjective::LogisticObjective(const LogisticProblem& problem, TaskTeam& team,
                                     const JobControl& control)
    : problem_(problem), team_(team), control_(control) {
  const auto refuse = [](const char* what) { throw std::invalid_argument(what); };
  const std::size_t rows = problem.labels.size();
  if (rows == 0 || problem.features.empty() || problem.features.size() % rows != 0)
    refuse("Expected as many rows of features as labels, at least one");
  width_ = problem.features.size() / rows;
  if (width_ > kMaxFeatures) refuse("Expected at most 4096 features");
  if (problem.classes < 2 || problem.classes > kMaxClasses) refuse("Expected 2 to 1024 classes");
  if (!(problem.c > 0 && std::isfinite(problem.c))) refuse("Expected a positive penalty");
  for (const std::int32_t label : problem.labels) {
    if (label < 0 || static_cast<std::size_t>(label) >= problem.classes)
      refuse("Expected labels from 0 to the number of classes");
  }
  if (!std::all_of(problem.features.begin(), problem.features.end(),
                   [](float x) { return std::isfinite(x); }))
    refuse("Expected features that are finite numbers");
  stride_ = (problem.classes + kClassAlign - 1) / kClassAlign * kClassAlign;
}

double LogisticObjective::ofRows(std::size_t first, std::size_t rows, std::span<const double> x,
                                 std::span<double> gradient) const {
  const LogisticKernel kernel = selectLogisticKernel();
  std::vector<double> logits(kRowsAbreast * stride_);
  double loss = 0;
  for (std::size_t r = first; r < first + rows; r += kRowsAbreast) {
    const std::size_t some = std::min(kRowsAbreast, first + rows - r);
    const float* features = problem_.features.data() + r * width_;
    kernel.logits(features, some, width_, x.data(), stride_, logits.data());
    for (std::size_t i = 0; i < some; ++i) {
      double* row = logits.data() + i * stride_;
      loss += residuals(row, problem_.classes, stride_, static_cast<std::size_t>(problem_.labels[r + i]));
      for (std::size_t k = 0; k < problem_.classes; ++k) gradient[width_ * stride_ + k] += row[k];
    }
    kernel.addGradient(features, some, width_, logits.data(), stride_, gradient.data());
  }
  return loss;
}

double LogisticObjective::operator()(std::span<const double> x, std::span<double> gradient) const {
  const std::size_t rows = problem_.labels.size();
  const std::size_t parts = std::clamp(rows / kRowsOfPart, std::size_t{1}, kParts);
  std::vector<std::vector<double>> gradients(parts);
  std::vector<double> losses(parts);
  team_.run(parts, [&](std::size_t part) {
    if (control_.stop) return;
    const std::size_t first = rows * part / parts;
    gradients[part].assign(gradient.size(), 0);
    losses[part] = ofRows(first, rows * (part + 1) / parts - first, x, gradients[part]);
  });
  if (control_.stop) return std::numeric_limits<double>::quiet_NaN();
  double value = 0;
  std::fill(gradient.begin(), gradient.end(), 0.0);
  for (std::size_t part = 0; part < parts; ++part) {
    value += losses[part];
    for (std::size_t k = 0; k < gradient.size(); ++k) gradient[k] += gradients[part][k];
  }
  for (std::size_t k = 0; k < width_ * stride_; ++k) {
    value += x[k] * x[k] / (2 * problem_.c);
    gradient[k] += x[k] / problem_.c;
  }
  return value;
}

LogisticModel fitLogistic(const LogisticProblem& problem, const MinimiserOptions& options, unsigned threads,
                          const JobControl& control) {
  TaskTeam team(threads);
  const LogisticObjective objective(problem, team, control);
  const std::size_t width = objective.width();
  const std::size_t stride = objective.stride();
  std::vector<double> x((width + 1) * stride, 0.0);
  LogisticModel model;
  model.minimum = minimise(
      [&](std::span<const double> at, std::span<double> gradient) { return objective(at, gradient); }, x,
      options);
  model.weight.resize(problem.classes * width);
  model.bias.resize(problem.classes);
  for (std::size_t k = 0; k < problem.classes; ++k) {
    model.bias[k] = static_cast<float>(x[width * stride + k]);
    for (std::size_t f = 0; f < width; ++f)
      model.weight[k * width + f] = static_cast<float>(x[f * stride + k]);
  }
  return model;
}

}  // namespace flowglyph
