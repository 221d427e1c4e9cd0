// at::lstm on the CPU runs some fifteen small kernels a step and gathers the weights' gradient step by step.
// Here a step is one matrix product and one loop over its result: input and state lie beside each other in
// one row, as the two weights do, so that one product takes both; backward one product gives both gradients,
// and one product over all steps those of the weights. Elsewhere (CUDA has cuDNN) at::lstm does the work.
//
// The products may be taken in bfloat16: operands and result rounded to 8 significant bits, sums inside a
// product in float32, everything between products (gates, cells, gradients of the weights) in float32.
// Processors that multiply bfloat16 matrices (AMX, AVX-512 BF16) are several times faster so; others are
// slower.
#include "lstm.hpp"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/add.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/lstm.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "lstm_kernels.hpp"

namespace flowglyph::torch {

namespace {

using at::Tensor;
using ::torch::autograd::AutogradContext;
using ::torch::autograd::variable_list;

// All that the backward pass needs; everything time first.
struct Run {
  Tensor rows;   // (T + 1, N, I + H): what a step reads, its input and the state before it
  Tensor gates;  // (T, N, 4H), activated
  Tensor cells;  // (T + 1, N, H)
  Tensor tanhs;  // (T, N, H)
};

// Rows and cells have one more place than there are steps. Forward runs read place t and write the state to t
// + 1; reverse runs read t + 1 and write to t. Of the last place written the input's part is never read.
struct Steps {
  int64_t count;
  bool reverse;
  int64_t step(int64_t turn) const { return reverse ? count - 1 - turn : turn; }
  int64_t before(int64_t step) const { return reverse ? step + 1 : step; }
  int64_t after(int64_t step) const { return reverse ? step : step + 1; }
  int64_t firstBefore() const { return reverse ? 1 : 0; }
  int64_t firstAfter() const { return reverse ? 0 : 1; }
};

// What a matrix product takes: a copy in bfloat16, or the tensor itself.
Tensor operand(const Tensor& tensor, bool bfloat16) { return bfloat16 ? tensor.to(at::kBFloat16) : tensor; }

// a b as float32 into `out`; `b` is an operand.
void product(Tensor out, const Tensor& a, const Tensor& b) {
  if (b.scalar_type() == at::kFloat) {
    at::mm_out(out, a, b);
  } else {
    out.copy_(at::mm(a.to(at::kBFloat16), b));
  }
}

float* at_(const Tensor& tensor, int64_t step) { return tensor.data_ptr<float>() + step * tensor.stride(0); }

// Sequences that one thread takes at least: below, waking another costs more.
constexpr int64_t kSequencesAThread = 64;

Run runForward(const Tensor& input, const Tensor& weight, const Tensor& bias, bool reverse, bool bfloat16) {
  const int64_t sequences = input.size(0), length = input.size(1), inputs = input.size(2);
  const int64_t width = weight.size(1), hidden = width - inputs;
  const Steps steps{length, reverse};
  Run run;
  run.rows = at::empty({length + 1, sequences, width}, input.options());
  run.rows.narrow(0, steps.firstBefore(), length).narrow(2, 0, inputs).copy_(input.transpose(0, 1));
  run.gates = at::empty({length, sequences, 4 * hidden}, input.options());
  run.cells = at::empty({length + 1, sequences, hidden}, input.options());
  run.tanhs = at::empty({length, sequences, hidden}, input.options());
  const int64_t start = steps.before(steps.step(0));
  run.cells.select(0, start).zero_();
  run.rows.select(0, start).narrow(1, inputs, hidden).zero_();
  const Tensor transposed = operand(weight, bfloat16).t();
  const float* biases = bias.data_ptr<float>();
  for (int64_t turn = 0; turn < length; ++turn) {
    const int64_t t = steps.step(turn), before = steps.before(t), after = steps.after(t);
    product(run.gates.select(0, t), run.rows.select(0, before), transposed);
    at::parallel_for(0, sequences, kSequencesAThread, [&](int64_t first, int64_t end) {
      lstmStep(end - first, hidden, at_(run.gates, t) + first * 4 * hidden, biases,
               at_(run.cells, before) + first * hidden, at_(run.cells, after) + first * hidden,
               at_(run.tanhs, t) + first * hidden, at_(run.rows, after) + first * width + inputs, width);
    });
  }
  return run;
}

// The states without the starting one, batch first: (N, T, H).
Tensor statesOf(const Run& run, bool reverse) {
  const int64_t hidden = run.tanhs.size(2), width = run.rows.size(2);
  return run.rows.narrow(0, reverse ? 0 : 1, run.gates.size(0))
      .narrow(2, width - hidden, hidden)
      .transpose(0, 1);
}

struct Gradients {
  Tensor input;   // (N, T, I)
  Tensor weight;  // (4H, I + H); undefined where it is not wanted
  Tensor bias;    // (4H)
};

// Overwrites run.gates with the gradients with respect to the sums before activation.
Gradients runBackward(const Run& run, const Tensor& weight, const Tensor& statesGradient, bool reverse,
                      bool bfloat16, bool wantWeight) {
  const int64_t length = run.gates.size(0), sequences = run.gates.size(1);
  const int64_t hidden = run.tanhs.size(2), width = weight.size(1), inputs = width - hidden;
  const Steps steps{length, reverse};
  const auto options = run.gates.options();
  const Tensor above = statesGradient.stride(2) == 1 ? statesGradient : statesGradient.contiguous();
  const Tensor factors = operand(weight, bfloat16);
  Tensor cellGradient = at::zeros({sequences, hidden}, options);
  Tensor rowGradient = at::empty({sequences, width}, options);
  const Tensor nothing = at::zeros({hidden}, options);
  // A row of sums a block of sequences, so that they are added in one order whoever takes which block.
  const int64_t blocks = (sequences + kSequencesAThread - 1) / kSequencesAThread;
  Tensor biasGradients = at::zeros({blocks, 4 * hidden}, options);
  Gradients gradients;
  gradients.input = at::empty({sequences, length, inputs}, options);
  for (int64_t turn = length - 1; turn >= 0; --turn) {
    const int64_t t = steps.step(turn);
    const GradientRows next = turn == length - 1
                                  ? GradientRows{nothing.data_ptr<float>(), 0}
                                  : GradientRows{rowGradient.data_ptr<float>() + inputs, width};
    const float* outside = above.data_ptr<float>() + t * above.stride(1);
    at::parallel_for(0, blocks, 1, [&](int64_t firstBlock, int64_t endBlock) {
      for (int64_t block = firstBlock; block < endBlock; ++block) {
        const int64_t first = block * kSequencesAThread;
        const int64_t count = std::min(kSequencesAThread, sequences - first);
        lstmStepBackward(count, hidden, at_(run.gates, t) + first * 4 * hidden,
                         at_(run.cells, steps.before(t)) + first * hidden, at_(run.tanhs, t) + first * hidden,
                         {outside + first * above.stride(0), above.stride(0)},
                         {next.data + first * next.stride, next.stride},
                         cellGradient.data_ptr<float>() + first * hidden, at_(biasGradients, block));
      }
    });
    product(rowGradient, run.gates.select(0, t), factors);
    gradients.input.select(1, t).copy_(rowGradient.narrow(1, 0, inputs));
  }
  gradients.bias = biasGradients.sum(0);
  if (wantWeight) {
    gradients.weight = at::empty({4 * hidden, width}, options);
    const Tensor rows = run.rows.narrow(0, steps.firstBefore(), length).view({-1, width});
    product(gradients.weight, run.gates.view({-1, 4 * hidden}).t(), operand(rows, bfloat16));
  }
  return gradients;
}

// (4H, I) and (4H, H) beside each other.
Tensor besides(const Tensor& inputHidden, const Tensor& hiddenHidden) {
  return at::cat({inputHidden, hiddenHidden}, 1);
}

struct LstmFunction : ::torch::autograd::Function<LstmFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& inputHidden,
                        const Tensor& hiddenHidden, const Tensor& inputBias, const Tensor& hiddenBias,
                        bool reverse, bool bfloat16) {
    const Tensor weight = besides(inputHidden, hiddenHidden);
    const Run run = runForward(x, weight, at::add(inputBias, hiddenBias), reverse, bfloat16);
    context->save_for_backward({run.rows, run.gates, run.cells, run.tanhs, weight});
    context->saved_data["reverse"] = reverse;
    context->saved_data["bfloat16"] = bfloat16;
    context->saved_data["weights"] = inputHidden.requires_grad() || hiddenHidden.requires_grad() ||
                                     inputBias.requires_grad() || hiddenBias.requires_grad();
    return statesOf(run, reverse);
  }

  // Once: it overwrites what the forward pass kept. No caller keeps a graph for a second time.
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "expected no gradients of an LSTM's gradients");
    TORCH_CHECK(context->saved_data.count("spent") == 0, "expected an LSTM to run backward once");
    context->saved_data["spent"] = true;
    const auto saved = context->get_saved_variables();
    const Run run{saved[0], saved[1], saved[2], saved[3]};
    const Tensor& weight = saved[4];
    const bool wanted = context->saved_data["weights"].toBool();
    const Gradients found = runBackward(run, weight, gradients[0], context->saved_data["reverse"].toBool(),
                                        context->saved_data["bfloat16"].toBool(), wanted);
    if (!wanted) return {found.input, Tensor(), Tensor(), Tensor(), Tensor(), Tensor(), Tensor()};
    const int64_t hidden = run.tanhs.size(2), inputs = weight.size(1) - hidden;
    // The two biases are added: one gradient, but each needs a tensor of its own to gather in.
    return {found.input,
            found.weight.narrow(1, 0, inputs).contiguous(),
            found.weight.narrow(1, inputs, hidden).contiguous(),
            found.bias,
            found.bias.clone(),
            Tensor(),
            Tensor()};
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
    directions.push_back(
        at::GradMode::is_enabled()
            ? LstmFunction::apply(x, w[0], w[1], w[2], w[3], reverse, bfloat16)
            : statesOf(runForward(x, besides(w[0], w[1]), at::add(w[2], w[3]), reverse, bfloat16), reverse));
  }
  return directions.size() == 1 ? directions[0] : at::cat(directions, 2);
}

}  // namespace flowglyph::torch
