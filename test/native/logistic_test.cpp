#include "logistic/logistic.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>

#include "logistic/logistic_kernel.hpp"
#include "support/targets.hpp"

namespace {

using namespace flowglyph;

struct Problem {
  std::vector<float> features;
  std::vector<std::int32_t> labels;
  std::size_t classes;
  double c;
  LogisticProblem view() const { return {features, labels, classes, c}; }
};

// Classes around centres of their own that overlap; the last class has no row.
Problem randomProblem(std::size_t rows, std::size_t width, std::size_t classes, double c) {
  std::mt19937_64 random(rows + width);
  std::normal_distribution<float> noise;
  Problem problem{std::vector<float>(rows * width), std::vector<std::int32_t>(rows), classes, c};
  for (std::size_t r = 0; r < rows; ++r) {
    const auto label = random() % (classes - 1);
    problem.labels[r] = static_cast<std::int32_t>(label);
    for (std::size_t f = 0; f < width; ++f)
      problem.features[r * width + f] = noise(random) + (f % classes == label ? 1.5F : 0.0F);
  }
  return problem;
}

TEST_SUITE_BEGIN("logistic regression");

TEST_CASE("logistic kernels: every instruction set sums as the plain loops do") {
  const LogisticKernel plain = scalarLogisticKernel();
  test::onEveryTarget(vectorLogisticKernel, [&](const LogisticKernel& kernel) {
    std::mt19937_64 random(1);
    std::uniform_real_distribution<double> some(-1, 1);
    for (const std::size_t rows : {1U, 2U, 3U, 4U, 9U, 16U}) {
      for (const std::size_t width : {1U, 5U, 128U}) {
        for (const std::size_t stride : {8U, 24U}) {
          std::vector<float> features(rows * width);
          std::vector<double> weights((width + 1) * stride), residuals(rows * stride);
          for (float& x : features) x = static_cast<float>(some(random));
          for (double& x : weights) x = some(random);
          for (double& x : residuals) x = some(random);
          std::vector<double> logits(rows * stride), expected(rows * stride);
          plain.logits(features.data(), rows, width, weights.data(), stride, expected.data());
          kernel.logits(features.data(), rows, width, weights.data(), stride, logits.data());
          for (std::size_t k = 0; k < logits.size(); ++k) REQUIRE(std::abs(logits[k] - expected[k]) < 1e-12);
          std::vector<double> gradient(width * stride, 0.5), wanted = gradient;
          plain.addGradient(features.data(), rows, width, residuals.data(), stride, wanted.data());
          kernel.addGradient(features.data(), rows, width, residuals.data(), stride, gradient.data());
          for (std::size_t k = 0; k < wanted.size(); ++k) REQUIRE(std::abs(gradient[k] - wanted[k]) < 1e-12);
        }
      }
    }
  });
}

TEST_CASE("the gradient is that of the objective: finite differences") {
  const JobControl control;
  for (const auto& [rows, width, classes] : {std::tuple{30U, 4U, 3U}, {333U, 7U, 9U}, {5U, 1U, 2U}}) {
    const Problem problem = randomProblem(rows, width, classes, 3);
    TaskTeam team(2);
    const LogisticObjective objective(problem.view(), team, control);
    std::mt19937_64 random(4);
    std::uniform_real_distribution<double> some(-1, 1);
    const std::size_t stride = objective.stride();
    std::vector<double> x((width + 1) * stride), gradient(x.size()), ignored(x.size());
    for (std::size_t k = 0; k < x.size(); ++k) x[k] = k % stride < classes ? some(random) : 0;
    objective(x, gradient);
    for (std::size_t k = 0; k < x.size(); ++k) {
      if (k % stride >= classes) {
        CHECK(gradient[k] == 0);
        continue;
      }
      constexpr double kStep = 1e-5;
      std::vector<double> there = x;
      there[k] = x[k] + kStep;
      const double above = objective(there, ignored);
      there[k] = x[k] - kStep;
      const double below = objective(there, ignored);
      CHECK((above - below) / (2 * kStep) == doctest::Approx(gradient[k]).epsilon(1e-6));
    }
  }
}

TEST_CASE("logistic regression: nothing near is better, and the number of threads changes nothing") {
  const JobControl control;
  const Problem problem = randomProblem(700, 12, 5, 10);
  const LogisticModel model = fitLogistic(problem.view(), {}, 1, control);
  CHECK(model.minimum.converged);
  CHECK(model.minimum.iterations < 500);
  const LogisticModel again = fitLogistic(problem.view(), {}, 3, control);
  CHECK(model.weight == again.weight);
  CHECK(model.bias == again.bias);

  TaskTeam team(1);
  const LogisticObjective objective(problem.view(), team, control);
  const std::size_t stride = objective.stride();
  std::vector<double> x(13 * stride), gradient(x.size());
  for (std::size_t k = 0; k < 5; ++k) {
    x[12 * stride + k] = model.bias[k];
    for (std::size_t f = 0; f < 12; ++f) x[f * stride + k] = model.weight[k * 12 + f];
  }
  const double least = objective(x, gradient);
  CHECK(least == doctest::Approx(model.minimum.value).epsilon(1e-9));
  std::mt19937_64 random(6);
  std::normal_distribution<double> noise(0, 0.02);
  for (int trial = 0; trial < 50; ++trial) {
    std::vector<double> near = x;
    for (std::size_t k = 0; k < near.size(); ++k) near[k] += k % stride < 5 ? noise(random) : 0;
    CHECK(objective(near, gradient) > least);
  }
}

TEST_CASE("logistic regression: rows that can be told apart, one row, equal rows") {
  const JobControl control;
  const std::vector<float> apart{-3, -2, 2, 3};
  const std::vector<std::int32_t> labels{0, 0, 1, 1};
  const LogisticModel sure = fitLogistic({apart, labels, 2, 1e6}, {}, 1, control);
  CHECK(sure.minimum.converged);
  CHECK(sure.weight[1] - sure.weight[0] > 3);
  const LogisticModel one =
      fitLogistic({std::span(apart).first(1), std::span(labels).first(1), 3, 1}, {}, 1, control);
  CHECK(one.bias[0] > one.bias[1]);
  const std::vector<float> equal(4, 0.0F);
  const LogisticModel prior =
      fitLogistic({equal, std::vector<std::int32_t>{0, 0, 0, 1}, 2, 1}, {}, 1, control);
  CHECK(prior.weight == std::vector<float>{0, 0});
  CHECK(prior.bias[0] - prior.bias[1] == doctest::Approx(std::log(3)).epsilon(1e-4));
}

TEST_CASE("the minimiser follows the valley of Rosenbrock") {
  std::vector<double> x{-1.2, 1};
  const Minimum minimum = minimise(
      [](std::span<const double> at, std::span<double> gradient) {
        const double a = 1 - at[0];
        const double b = at[1] - at[0] * at[0];
        gradient[0] = -2 * a - 400 * at[0] * b;
        gradient[1] = 200 * b;
        return a * a + 100 * b * b;
      },
      x, {10, 200, 1e-9});
  CHECK(minimum.converged);
  CHECK(x[0] == doctest::Approx(1).epsilon(1e-6));
  CHECK(x[1] == doctest::Approx(1).epsilon(1e-6));
}

TEST_CASE("logistic regression: wrong arguments are refused, and a stop is heard") {
  JobControl control;
  const Problem good = randomProblem(20, 3, 3, 1);
  const auto refused = [&](const LogisticProblem& problem) {
    CHECK_THROWS_AS(fitLogistic(problem, {}, 1, control), std::invalid_argument);
  };
  refused({{}, {}, 3, 1});
  refused({std::span(good.features).first(59), good.labels, 3, 1});
  refused({good.features, good.labels, 1, 1});
  refused({good.features, std::vector<std::int32_t>(20, 3), 3, 1});
  refused({good.features, std::vector<std::int32_t>(20, -1), 3, 1});
  refused({good.features, good.labels, 3, 0});
  refused({good.features, good.labels, 3, std::numeric_limits<double>::infinity()});
  std::vector<float> broken = good.features;
  broken[7] = std::numeric_limits<float>::quiet_NaN();
  refused({broken, good.labels, 3, 1});
  control.stop = true;
  CHECK_FALSE(fitLogistic(good.view(), {}, 1, control).minimum.converged);
}

TEST_SUITE_END();

}  // namespace
