// Adam (Kingma and Ba 2015, algorithm 1; epsilon outside the corrected root, as in torch.optim.Adam), over
// lists of tensors at once: one kernel for all parameters on CUDA, a loop over them on the CPU.
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_addcdiv.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_sqrt.h>
#include <ATen/ops/zeros_like.h>

#include <array>
#include <cmath>
#include <utility>

#include "arguments.hpp"
#include "type_tags.hpp"

namespace flowglyph::torch {

namespace {

using Tensors = std::vector<at::Tensor>;

class Adam {
 public:
  Adam(Tensors parameters, double learningRate, double beta1, double beta2, double epsilon)
      : parameters_(std::move(parameters)),
        learningRate_(learningRate),
        beta1_(beta1),
        beta2_(beta2),
        epsilon_(epsilon) {
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
    Tensors parameters, gradients, first, second;
    for (size_t i = 0; i < parameters_.size(); ++i) {
      at::Tensor gradient = parameters_[i].grad();
      if (!gradient.defined()) continue;
      parameters.push_back(parameters_[i]);
      gradients.push_back(std::move(gradient));
      first.push_back(first_[i]);
      second.push_back(second_[i]);
    }
    ++steps_;
    if (parameters.empty()) return;
    const double correction1 = 1 - std::pow(beta1_, static_cast<double>(steps_));
    const double correction2 = 1 - std::pow(beta2_, static_cast<double>(steps_));
    at::_foreach_mul_(first, beta1_);
    at::_foreach_add_(first, gradients, 1 - beta1_);
    at::_foreach_mul_(second, beta2_);
    at::_foreach_addcmul_(second, gradients, gradients, 1 - beta2_);
    Tensors denominator = at::_foreach_sqrt(second);
    at::_foreach_div_(denominator, std::sqrt(correction2));
    at::_foreach_add_(denominator, epsilon_);
    at::_foreach_addcdiv_(parameters, first, denominator, -learningRate_ / correction1);
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
  void setLearningRate(double learningRate) { learningRate_ = learningRate; }

 private:
  Tensors parameters_;
  Tensors first_;
  Tensors second_;
  int64_t steps_ = 0;
  double learningRate_;
  double beta1_;
  double beta2_;
  double epsilon_;
};

Adam& optimizer(const Napi::Value& value) {
  if (!value.IsExternal() || !value.As<Napi::External<Adam>>().CheckTypeTag(&napi::kOptimizerTag)) {
    throw ArgumentError{"an optimizer"};
  }
  return *value.As<Napi::External<Adam>>().Data();
}

// makeAdam(parameters: TensorHandle[], learningRate, beta1, beta2, epsilon): AdamHandle
Napi::Value makeAdam(const Napi::CallbackInfo& info) {
  auto adam =
      std::make_unique<Adam>(argument<Tensors>(info[0]), argument<double>(info[1]), argument<double>(info[2]),
                             argument<double>(info[3]), argument<double>(info[4]));
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

constexpr std::array kRows{
    RawRow{"makeAdam", makeAdam},         RawRow{"adamStep", adamStep},
    RawRow{"adamZeroGrad", adamZeroGrad}, RawRow{"adamSteps", adamSteps},
    RawRow{"adamMoments", adamMoments},   RawRow{"setAdamLearningRate", setAdamLearningRate},
    RawRow{"setAdamState", setAdamState},
};

}  // namespace

void exportAdam(Napi::Object exports) { exportRows(exports, kRows.data(), kRows.size()); }

}  // namespace flowglyph::torch
