// Adam (Kingma and Ba 2015, algorithm 1; epsilon outside the corrected root, as in torch.optim.Adam), with
// decoupled weight decay (Loshchilov and Hutter 2019) and a bound on the gradients' norm. On the CPU one pass
// over the arrays of each parameter; elsewhere lists of tensors at once, one kernel for all on CUDA.
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_addcdiv.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_sqrt.h>
#include <ATen/ops/norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "adam_kernels.hpp"
#include "arguments.hpp"
#include "type_tags.hpp"

namespace flowglyph::torch {

namespace {

using Tensors = std::vector<at::Tensor>;

struct AdamOptions {
  double learningRate;
  double beta1;
  double beta2;
  double epsilon;
  std::vector<double> weightDecays;  // of each parameter
  double clipNorm;                   // infinite for no bound
};

// As in torch.nn.utils.clip_grad_norm_.
constexpr double kNormEpsilon = 1e-6;
// Elements that one thread takes at least: below, waking another costs more.
constexpr int64_t kElementsAThread = 1 << 15;

bool isPlain(const at::Tensor& tensor) {
  return tensor.device().is_cpu() && tensor.scalar_type() == at::kFloat && tensor.is_contiguous();
}

// What one step moves, list by list.
struct Updates {
  Tensors parameters, gradients, first, second;
  std::vector<double> keeps;  // what decay leaves of each parameter
};

class Adam {
 public:
  Adam(Tensors parameters, AdamOptions options)
      : parameters_(std::move(parameters)),
        options_(std::move(options)),
        plain_(std::all_of(parameters_.begin(), parameters_.end(), isPlain)) {
    TORCH_CHECK(options_.weightDecays.size() == parameters_.size(), "expected ", parameters_.size(),
                " weight decays but received ", options_.weightDecays.size());
    for (const at::Tensor& parameter : parameters_) {
      TORCH_CHECK(parameter.requires_grad() && parameter.is_leaf() && parameter.scalar_type() == at::kFloat,
                  "expected parameters to be float32 leaves that require gradients");
      first_.push_back(at::zeros_like(parameter, at::MemoryFormat::Preserve).detach());
      second_.push_back(at::zeros_like(parameter, at::MemoryFormat::Preserve).detach());
    }
  }

  // Parameters without a gradient stay, moments and all.
  void step() {
    const at::NoGradGuard guard;
    ++steps_;
    Updates updates;
    for (size_t i = 0; i < parameters_.size(); ++i) {
      const at::Tensor gradient = parameters_[i].grad();
      if (!gradient.defined()) continue;
      updates.parameters.push_back(parameters_[i]);
      updates.gradients.push_back(plain_ ? gradient.contiguous() : gradient);
      updates.first.push_back(first_[i]);
      updates.second.push_back(second_[i]);
      updates.keeps.push_back(1 - options_.learningRate * options_.weightDecays[i]);
    }
    if (updates.parameters.empty()) return;
    if (plain_) {
      stepArrays(updates);
    } else {
      stepTensors(updates);
    }
  }

  void zeroGrad() {
    for (at::Tensor& parameter : parameters_) parameter.mutable_grad() = at::Tensor();
  }

  // First and second moment of parameter 0, of parameter 1, ...
  Tensors moments() const {
    Tensors moments;
    for (size_t i = 0; i < parameters_.size(); ++i) {
      moments.push_back(first_[i]);
      moments.push_back(second_[i]);
    }
    return moments;
  }

  void load(int64_t steps, const Tensors& moments) {
    TORCH_CHECK(steps >= 0, "expected steps to be at least 0 but received ", steps);
    TORCH_CHECK(moments.size() == 2 * parameters_.size(), "expected ", 2 * parameters_.size(),
                " moments but received ", moments.size());
    for (size_t i = 0; i < moments.size(); ++i) {
      TORCH_CHECK(moments[i].numel() == parameters_[i / 2].numel(), "expected ", parameters_[i / 2].numel(),
                  " elements in moment ", i, " but received ", moments[i].numel());
    }
    const at::NoGradGuard guard;
    for (size_t i = 0; i < moments.size(); ++i) {
      at::Tensor& target = i % 2 == 0 ? first_[i / 2] : second_[i / 2];
      target.copy_(moments[i].view(target.sizes()));
    }
    steps_ = steps;
  }

  int64_t steps() const { return steps_; }
  void setLearningRate(double learningRate) { options_.learningRate = learningRate; }

 private:
  double correction(double beta) const { return 1 - std::pow(beta, static_cast<double>(steps_)); }
  bool clips() const { return std::isfinite(options_.clipNorm); }

  void stepArrays(const Updates& updates) const {
    AdamFactors factors{};
    factors.gradient = 1;
    if (clips()) {
      double squares = 0;
      for (const at::Tensor& gradient : updates.gradients) {
        squares += sumOfSquares(gradient.numel(), gradient.data_ptr<float>());
      }
      factors.gradient =
          static_cast<float>(std::min(1.0, options_.clipNorm / (std::sqrt(squares) + kNormEpsilon)));
    }
    factors.beta1 = static_cast<float>(options_.beta1);
    factors.beta2 = static_cast<float>(options_.beta2);
    factors.step = static_cast<float>(options_.learningRate / correction(options_.beta1));
    factors.rootCorrection = static_cast<float>(std::sqrt(correction(options_.beta2)));
    factors.epsilon = static_cast<float>(options_.epsilon);
    for (size_t i = 0; i < updates.parameters.size(); ++i) {
      factors.keep = static_cast<float>(updates.keeps[i]);
      float* parameter = updates.parameters[i].data_ptr<float>();
      const float* gradient = updates.gradients[i].data_ptr<float>();
      float* first = updates.first[i].data_ptr<float>();
      float* second = updates.second[i].data_ptr<float>();
      at::parallel_for(0, updates.parameters[i].numel(), kElementsAThread, [&](int64_t begin, int64_t end) {
        adamStep(end - begin, parameter + begin, gradient + begin, first + begin, second + begin, factors);
      });
    }
  }

  void stepTensors(Updates& updates) const {
    if (clips()) {
      Tensors norms;
      for (const at::Tensor& gradient : updates.gradients) norms.push_back(at::norm(gradient));
      // Stays on the device: reading it would wait for the whole backward pass.
      const at::Tensor factor =
          at::norm(at::stack(norms)).add(kNormEpsilon).reciprocal().mul(options_.clipNorm).clamp_max(1);
      for (at::Tensor& gradient : updates.gradients) gradient = gradient.mul(factor);
    }
    for (size_t i = 0; i < updates.parameters.size(); ++i) {
      if (updates.keeps[i] != 1) updates.parameters[i].mul_(updates.keeps[i]);
    }
    at::_foreach_mul_(updates.first, options_.beta1);
    at::_foreach_add_(updates.first, updates.gradients, 1 - options_.beta1);
    at::_foreach_mul_(updates.second, options_.beta2);
    at::_foreach_addcmul_(updates.second, updates.gradients, updates.gradients, 1 - options_.beta2);
    Tensors denominator = at::_foreach_sqrt(updates.second);
    at::_foreach_div_(denominator, std::sqrt(correction(options_.beta2)));
    at::_foreach_add_(denominator, options_.epsilon);
    at::_foreach_addcdiv_(updates.parameters, updates.first, denominator,
                          -options_.learningRate / correction(options_.beta1));
  }

  Tensors parameters_;
  Tensors first_;
  Tensors second_;
  int64_t steps_ = 0;
  AdamOptions options_;
  bool plain_;
};

Adam& optimizer(const Napi::Value& value) {
  if (!value.IsExternal() || !value.As<Napi::External<Adam>>().CheckTypeTag(&napi::kOptimizerTag)) {
    throw ArgumentError{"an optimizer"};
  }
  return *value.As<Napi::External<Adam>>().Data();
}

// makeAdam(parameters: TensorHandle[], learningRate, beta1, beta2, epsilon, weightDecays: number[],
// clipNorm): AdamHandle
Napi::Value makeAdam(const Napi::CallbackInfo& info) {
  AdamOptions options{argument<double>(info[1]),
                      argument<double>(info[2]),
                      argument<double>(info[3]),
                      argument<double>(info[4]),
                      argument<std::vector<double>>(info[5]),
                      argument<double>(info[6])};
  auto adam = std::make_unique<Adam>(argument<Tensors>(info[0]), std::move(options));
  auto external =
      Napi::External<Adam>::New(info.Env(), adam.get(), [](Napi::BasicEnv, Adam* done) { delete done; });
  adam.release();
  external.TypeTag(&napi::kOptimizerTag);
  return external;
}

// adamStep(adam): void
Napi::Value adamStep(const Napi::CallbackInfo& info) {
  optimizer(info[0]).step();
  return info.Env().Undefined();
}

// adamZeroGrad(adam): void
Napi::Value adamZeroGrad(const Napi::CallbackInfo& info) {
  optimizer(info[0]).zeroGrad();
  return info.Env().Undefined();
}

// adamSteps(adam): number
Napi::Value adamSteps(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(optimizer(info[0]).steps()));
}

// setAdamLearningRate(adam, learningRate): void
Napi::Value setAdamLearningRate(const Napi::CallbackInfo& info) {
  optimizer(info[0]).setLearningRate(argument<double>(info[1]));
  return info.Env().Undefined();
}

// adamMoments(adam): TensorHandle[]
Napi::Value adamMoments(const Napi::CallbackInfo& info) {
  return result(info.Env(), optimizer(info[0]).moments());
}

// setAdamState(adam, steps, moments: TensorHandle[]): void
Napi::Value setAdamState(const Napi::CallbackInfo& info) {
  optimizer(info[0]).load(argument<int64_t>(info[1]), argument<Tensors>(info[2]));
  return info.Env().Undefined();
}

// updateAverages(averages: TensorHandle[], tensors: TensorHandle[], share): void
Napi::Value updateAverages(const Napi::CallbackInfo& info) {
  const auto averages = argument<Tensors>(info[0]), tensors = argument<Tensors>(info[1]);
  const auto share = argument<double>(info[2]);
  TORCH_CHECK(averages.size() == tensors.size(), "expected ", averages.size(), " tensors but received ",
              tensors.size());
  const at::NoGradGuard guard;
  for (size_t i = 0; i < averages.size(); ++i) {
    at::Tensor average = averages[i];
    const at::Tensor& tensor = tensors[i];
    TORCH_CHECK(average.sizes() == tensor.sizes(), "expected tensor ", i, " to be ", average.sizes(),
                " but received ", tensor.sizes());
    if (isPlain(average) && isPlain(tensor)) {
      averageStep(average.numel(), average.data_ptr<float>(), tensor.data_ptr<float>(),
                  static_cast<float>(share));
    } else {
      average.lerp_(tensor, share);
    }
  }
  return info.Env().Undefined();
}

constexpr std::array kRows{
    RawRow{"makeAdam", makeAdam},         RawRow{"adamStep", adamStep},
    RawRow{"adamZeroGrad", adamZeroGrad}, RawRow{"adamSteps", adamSteps},
    RawRow{"adamMoments", adamMoments},   RawRow{"setAdamLearningRate", setAdamLearningRate},
    RawRow{"setAdamState", setAdamState}, RawRow{"updateAverages", updateAverages},
};

}  // namespace

void exportAdam(Napi::Object exports) { exportRows(exports, kRows.data(), kRows.size()); }

}  // namespace flowglyph::torch
