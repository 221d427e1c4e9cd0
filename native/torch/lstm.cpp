// at::lstm on the CPU runs some fifteen small kernels a step and gathers the weights' gradient step by step.
// Here a step is one matrix product and one loop, and the weights' gradients are one product over all steps.
// Elsewhere (CUDA has cuDNN) at::lstm does the work.
//
// The products may be taken in bfloat16: operands and result rounded to 8 significant bits, sums inside a
// product in float32, everything between products (gates, cells, gradients of the weights) in float32.
// Processors that multiply bfloat16 matrices (AMX, AVX-512 BF16) are several times faster so; others are
// slower.
#include "lstm.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/add.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/lstm.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include "lstm_kernels.hpp"

namespace flowglyph::torch {

namespace {

using at::Tensor;
using ::torch::autograd::AutogradContext;
using ::torch::autograd::variable_list;

// All that the backward pass needs; everything time first: (T, N, ...).
struct Run {
  Tensor x;       // (T, N, I)
  Tensor gates;   // (T, N, 4H), activated
  Tensor cells;   // (T + 1, N, H), zeros at the end that the run starts from
  Tensor tanhs;   // (T, N, H)
  Tensor states;  // (T + 1, N, H), likewise
};

// Cells and states hold one more step than the sequence: forward runs write step t to t + 1 and start from 0;
// reverse runs write t to t and start from T.
struct Steps {
  int64_t count;
  bool reverse;
  int64_t step(int64_t turn) const { return reverse ? count - 1 - turn : turn; }
  int64_t before(int64_t step) const { return reverse ? step + 1 : step; }
  int64_t after(int64_t step) const { return reverse ? step : step + 1; }
};

// What a matrix product takes and gives: a copy in bfloat16, or the tensor itself.
Tensor operand(const Tensor& tensor, bool bfloat16) { return bfloat16 ? tensor.to(at::kBFloat16) : tensor; }

// a b as float32; both are operands.
Tensor product(const Tensor& a, const Tensor& b) { return at::mm(a, b).to(at::kFloat); }

// sum + a b, into `sum` or, for `plus`, as a new tensor; `sum` is float32.
void addProduct(Tensor sum, const Tensor& a, const Tensor& b) {
  if (a.scalar_type() == at::kFloat) {
    sum.addmm_(a, b);
  } else {
    sum.add_(at::mm(a, b));
  }
}
Tensor plus(const Tensor& sum, const Tensor& a, const Tensor& b) {
  return a.scalar_type() == at::kFloat ? at::addmm(sum, a, b) : at::add(sum, at::mm(a, b));
}

float* at_(const Tensor& tensor, int64_t step) { return tensor.data_ptr<float>() + step * tensor.stride(0); }

Run runForward(const Tensor& input, const Tensor& inputHidden, const Tensor& hiddenHidden,
               const Tensor& inputBias, const Tensor& hiddenBias, bool reverse, bool bfloat16) {
  const int64_t sequences = input.size(0), length = input.size(1), hidden = hiddenHidden.size(1);
  const Steps steps{length, reverse};
  Run run;
  run.x = input.transpose(0, 1).contiguous();
  run.gates = plus(at::add(inputBias, hiddenBias), operand(run.x.view({length * sequences, -1}), bfloat16),
                   operand(inputHidden, bfloat16).t())
                  .view({length, sequences, 4 * hidden});
  run.cells = at::empty({length + 1, sequences, hidden}, input.options());
  run.tanhs = at::empty({length, sequences, hidden}, input.options());
  run.states = at::empty({length + 1, sequences, hidden}, input.options());
  const int64_t start = reverse ? length : 0;
  run.cells.select(0, start).zero_();
  run.states.select(0, start).zero_();
  const Tensor transposed = operand(hiddenHidden, bfloat16).t();
  for (int64_t turn = 0; turn < length; ++turn) {
    const int64_t t = steps.step(turn);
    if (turn > 0) {
      addProduct(run.gates.select(0, t), operand(run.states.select(0, steps.before(t)), bfloat16),
                 transposed);
    }
    lstmStep(sequences, hidden, at_(run.gates, t), at_(run.cells, steps.before(t)),
             at_(run.cells, steps.after(t)), at_(run.tanhs, t), at_(run.states, steps.after(t)));
  }
  return run;
}

// The states without the starting one, batch first: (N, T, H).
Tensor statesOf(const Run& run, bool reverse) {
  return run.states.narrow(0, reverse ? 0 : 1, run.gates.size(0)).transpose(0, 1);
}

// Gradients with respect to the sums before activation, (T, N, 4H).
Tensor runBackward(const Run& run, const Tensor& hiddenHidden, const Tensor& statesGradient, bool reverse,
                   bool bfloat16) {
  const int64_t length = run.gates.size(0), sequences = run.gates.size(1), hidden = hiddenHidden.size(1);
  const Steps steps{length, reverse};
  const Tensor above = statesGradient.transpose(0, 1).contiguous();  // (T, N, H)
  Tensor sums = at::empty_like(run.gates);
  Tensor cellGradient = at::zeros({sequences, hidden}, run.gates.options());
  const Tensor weight = operand(hiddenHidden, bfloat16);
  Tensor stateGradient;
  for (int64_t turn = length - 1; turn >= 0; --turn) {
    const int64_t t = steps.step(turn);
    stateGradient =
        turn == length - 1
            ? above.select(0, t)
            : plus(above.select(0, t), operand(sums.select(0, steps.step(turn + 1)), bfloat16), weight);
    lstmStepBackward(sequences, hidden, at_(run.gates, t), at_(run.cells, steps.before(t)), at_(run.tanhs, t),
                     stateGradient.data_ptr<float>(), cellGradient.data_ptr<float>(), at_(sums, t));
  }
  return sums;
}

struct LstmFunction : ::torch::autograd::Function<LstmFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& inputHidden,
                        const Tensor& hiddenHidden, const Tensor& inputBias, const Tensor& hiddenBias,
                        bool reverse, bool bfloat16) {
    const Run run = runForward(x, inputHidden, hiddenHidden, inputBias, hiddenBias, reverse, bfloat16);
    context->save_for_backward(
        {run.x, run.gates, run.cells, run.tanhs, run.states, inputHidden, hiddenHidden});
    context->saved_data["reverse"] = reverse;
    context->saved_data["bfloat16"] = bfloat16;
    context->saved_data["inputs"] = x.requires_grad();
    context->saved_data["weights"] = inputHidden.requires_grad() || hiddenHidden.requires_grad() ||
                                     inputBias.requires_grad() || hiddenBias.requires_grad();
    return statesOf(run, reverse);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Run run{saved[0], saved[1], saved[2], saved[3], saved[4]};
    const Tensor &inputHidden = saved[5], &hiddenHidden = saved[6];
    const bool reverse = context->saved_data["reverse"].toBool();
    const bool bfloat16 = context->saved_data["bfloat16"].toBool();
    const int64_t length = run.gates.size(0), hidden = hiddenHidden.size(1), inputs = inputHidden.size(1);

    const Tensor sums = runBackward(run, hiddenHidden, gradients[0], reverse, bfloat16);
    const Tensor flat = sums.view({-1, 4 * hidden});  // (T N, 4H)
    const Tensor flatOperand = operand(flat, bfloat16);
    Tensor dx, dInputHidden, dHiddenHidden, dBias;
    if (context->saved_data["inputs"].toBool()) {
      dx = product(flatOperand, operand(inputHidden, bfloat16)).view({length, -1, inputs}).transpose(0, 1);
    }
    if (context->saved_data["weights"].toBool()) {
      const Tensor before =
          run.states.narrow(0, reverse ? 1 : 0, length);  // the state that each step began with
      dInputHidden = product(flatOperand.t(), operand(run.x.view({-1, inputs}), bfloat16));
      dHiddenHidden = product(flatOperand.t(), operand(before.reshape({-1, hidden}), bfloat16));
      dBias = flat.sum(0);
    }
    // The two biases are added: one gradient, but each needs a tensor of its own to gather in.
    return {dx,       dInputHidden, dHiddenHidden, dBias, dBias.defined() ? dBias.clone() : Tensor(),
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
  std::vector<Tensor> directions;
  for (size_t first = 0; first < weights.size(); first += 4) {
    const Tensor* w = &weights[first];
    const bool reverse = first > 0;
    // Without gradients nothing is kept, neither here nor in the graph.
    directions.push_back(at::GradMode::is_enabled()
                             ? LstmFunction::apply(x, w[0], w[1], w[2], w[3], reverse, bfloat16)
                             : statesOf(runForward(x, w[0], w[1], w[2], w[3], reverse, bfloat16), reverse));
  }
  return directions.size() == 1 ? directions[0] : at::cat(directions, 2);
}

}  // namespace flowglyph::torch
