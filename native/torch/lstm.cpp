// at::lstm on the CPU runs some fifteen small kernels a step and gathers the weights' gradient step by step
// (libtorch 1), or goes through oneDNN at 100 of two Zen 4 cores' 228 GFLOP/s (libtorch 2). lstm_run.hpp's
// has 170. Elsewhere (CUDA has cuDNN) at::lstm does the work.
#include "lstm.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/add.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/lstm.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include "lstm_run.hpp"

namespace flowglyph::torch {

namespace {

using at::Tensor;
using ::torch::autograd::AutogradContext;
using ::torch::autograd::variable_list;

LstmRun run(const LstmInputs& inputs, bool bfloat16, bool keep) {
  return bfloat16 ? runBfloat16(inputs, keep) : runPanels(inputs, keep);
}

struct LstmFunction : ::torch::autograd::Function<LstmFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& inputHidden,
                        const Tensor& hiddenHidden, const Tensor& inputBias, const Tensor& hiddenBias,
                        bool reverse, bool bfloat16) {
    const LstmInputs inputs{x, inputHidden, hiddenHidden, at::add(inputBias, hiddenBias), reverse};
    const LstmRun passed = run(inputs, bfloat16, true);
    variable_list saved{x, inputHidden, hiddenHidden, inputs.bias};
    saved.insert(saved.end(), passed.kept.begin(), passed.kept.end());
    context->save_for_backward(saved);
    context->saved_data["reverse"] = reverse;
    context->saved_data["bfloat16"] = bfloat16;
    context->saved_data["weights"] = inputHidden.requires_grad() || hiddenHidden.requires_grad() ||
                                     inputBias.requires_grad() || hiddenBias.requires_grad();
    return passed.states;
  }

  // Once: it may overwrite what the forward pass kept. No caller keeps a graph for a second time.
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "expected no gradients of an LSTM's gradients");
    TORCH_CHECK(context->saved_data.count("spent") == 0, "expected an LSTM to run backward once");
    context->saved_data["spent"] = true;
    const auto saved = context->get_saved_variables();
    const LstmInputs inputs{saved[0], saved[1], saved[2], saved[3], context->saved_data["reverse"].toBool()};
    const std::vector<Tensor> kept(saved.begin() + 4, saved.end());
    const bool wanted = context->saved_data["weights"].toBool();
    const bool bfloat16 = context->saved_data["bfloat16"].toBool();
    const LstmGradients found = bfloat16 ? runBfloat16Backward(inputs, kept, gradients[0], wanted)
                                         : runPanelsBackward(inputs, kept, gradients[0], wanted);
    // The two biases are added: one gradient, but each needs a tensor of its own to gather in.
    return {
        found.x,  found.inputHidden, found.hiddenHidden, found.bias, wanted ? found.bias.clone() : Tensor(),
        Tensor(), Tensor()};
  }
};

// The loops trust these sizes.
void checkSizes(const Tensor& x, const std::vector<Tensor>& weights, int64_t hidden) {
  TORCH_CHECK(weights.size() == 4 || weights.size() == 8, "expected 4 or 8 weights but received ",
              weights.size());
  TORCH_CHECK(x.dim() == 3 && x.numel() > 0, "expected (N, T, I) without empty axes but received [",
              x.sizes(), "]");
  TORCH_CHECK(hidden > 0, "expected a positive hidden size but received ", hidden);
  for (size_t i = 0; i < weights.size(); ++i) {
    const std::vector<int64_t> shapes[] = {
        {4 * hidden, x.size(2)}, {4 * hidden, hidden}, {4 * hidden}, {4 * hidden}};
    const at::IntArrayRef expected = shapes[i % 4];
    TORCH_CHECK(weights[i].sizes() == expected, "expected weight ", i, " to be [", expected,
                "] but received [", weights[i].sizes(), "]");
    TORCH_CHECK(weights[i].device() == x.device() && weights[i].scalar_type() == x.scalar_type(),
                "expected weight ", i, " on the device and of the type of x");
  }
}

Tensor throughLibtorch(const Tensor& x, const std::vector<Tensor>& weights, int64_t hidden, bool bfloat16) {
  if (bfloat16) {
    std::vector<Tensor> rounded;
    for (const Tensor& weight : weights) rounded.push_back(weight.to(at::kBFloat16));
    return throughLibtorch(x.to(at::kBFloat16), rounded, hidden, false).to(x.scalar_type());
  }
  const auto directions = static_cast<int64_t>(weights.size() / 4);
  const Tensor zeros = at::zeros({directions, x.size(0), hidden}, x.options());
  // cuDNN keeps what the backward pass needs only in training mode.
  const bool training = at::GradMode::is_enabled();
  return std::get<0>(at::lstm(x, {zeros, zeros}, weights, true, 1, 0.0, training, directions == 2, true));
}

}  // namespace

Tensor lstm(const Tensor& x, const std::vector<Tensor>& weights, int64_t hidden, bool bfloat16) {
  checkSizes(x, weights, hidden);
  if (!x.device().is_cpu() || x.scalar_type() != at::kFloat)
    return throughLibtorch(x, weights, hidden, bfloat16);
  const Tensor sequences = x.stride(2) == 1 ? x : x.contiguous();
  std::vector<Tensor> directions;
  for (size_t first = 0; first < weights.size(); first += 4) {
    const Tensor* w = &weights[first];
    const bool reverse = first > 0;
    // Without gradients nothing is kept, neither here nor in the graph.
    directions.push_back(
        at::GradMode::is_enabled()
            ? LstmFunction::apply(sequences, w[0], w[1], w[2], w[3], reverse, bfloat16)
            : run({sequences, w[0], w[1], at::add(w[2], w[3]), reverse}, bfloat16, false).states);
  }
  return directions.size() == 1 ? directions[0] : at::cat(directions, 2);
}

}  // namespace flowglyph::torch
