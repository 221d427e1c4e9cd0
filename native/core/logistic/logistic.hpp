// Multinomial logistic regression with a quadratic penalty on the weights: the linear classifier of least
//   sum over rows of -ln p(label | features) + |W|^2 / (2 C)
// where p = softmax(W x + b), as scikit-learn's LogisticRegression(C) has it. Biases cost nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "job_control.hpp"
#include "logistic/lbfgs.hpp"
#include "task_team.hpp"

namespace flowglyph {

inline constexpr std::size_t kMaxFeatures = 4096;
inline constexpr std::size_t kMaxClasses = 1024;

struct LogisticProblem {
  std::span<const float> features;       // [rows][width]
  std::span<const std::int32_t> labels;  // [rows], in [0, classes)
  std::size_t classes = 2;
  double c = 100;  // greater: weaker penalty
};

// The objective, in double. The same numbers with any number of threads.
class LogisticObjective {
 public:
  // Throws std::invalid_argument where sizes do not agree, a label is out of range or a feature is no number.
  // Keeps what the spans show.
  LogisticObjective(const LogisticProblem& problem, TaskTeam& team, const JobControl& control);

  std::size_t width() const { return width_; }
  // Classes, rounded up: x holds [width + 1][stride], the biases in the last row.
  std::size_t stride() const { return stride_; }
  // NaN where the control said stop.
  double operator()(std::span<const double> x, std::span<double> gradient) const;

 private:
  double ofRows(std::size_t first, std::size_t rows, std::span<const double> x,
                std::span<double> gradient) const;

  LogisticProblem problem_;
  TaskTeam& team_;
  const JobControl& control_;
  std::size_t width_;
  std::size_t stride_;
};

struct LogisticModel {
  std::vector<float> weight;  // [classes][width]
  std::vector<float> bias;    // [classes]
  Minimum minimum;
};

// From weights of 0 on. Throws std::invalid_argument.
LogisticModel fitLogistic(const LogisticProblem& problem, const MinimiserOptions& options, unsigned threads,
                          const JobControl& control);

}  // namespace flowglyph
