// An LSTM whose matrix products are taken in bfloat16: operands and result rounded to 8 significant bits,
// sums inside a product in float32, everything between products (gates, cells, gradients of the weights) in
// float32. Processors that multiply bfloat16 matrices (AMX, AVX-512 BF16) are several times faster so; others
// are slower.
//
// A step is one matrix product and one loop over its result: input and state lie beside each other in one
// row, as the two weights do, so that one product takes both; backward one product gives both gradients, and
// one product over all steps those of the weights.
#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "lstm_kernels.hpp"
#include "lstm_run.hpp"

namespace flowglyph::torch {

namespace {

using at::Tensor;

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

Tensor rounded(const Tensor& tensor) { return tensor.to(at::kBFloat16); }

// (4H, I) and (4H, H) beside each other.
Tensor weightsOf(const LstmInputs& inputs) {
  return rounded(at::cat({inputs.inputHidden, inputs.hiddenHidden}, 1));
}

float* at_(const Tensor& tensor, int64_t step) { return tensor.data_ptr<float>() + step * tensor.stride(0); }

// Sequences that one thread takes at least: below, waking another costs more.
constexpr int64_t kSequencesAThread = 64;

}  // namespace

// Kept, time first: rows (T + 1, N, I + H), which a step reads, its input and the state before it; gates
// (T, N, 4H), activated; cells (T + 1, N, H); their tanh (T, N, H).
LstmRun runBfloat16(const LstmInputs& given, bool keep) {
  const Tensor& x = given.x;
  const int64_t sequences = x.size(0), length = x.size(1), inputs = x.size(2);
  const int64_t hidden = given.hiddenHidden.size(1), width = inputs + hidden;
  const Steps steps{length, given.reverse};
  const Tensor rows = at::empty({length + 1, sequences, width}, x.options());
  rows.narrow(0, steps.firstBefore(), length).narrow(2, 0, inputs).copy_(x.transpose(0, 1));
  const Tensor gates = at::empty({length, sequences, 4 * hidden}, x.options());
  const Tensor cells = at::empty({length + 1, sequences, hidden}, x.options());
  const Tensor tanhs = at::empty({length, sequences, hidden}, x.options());
  const int64_t start = steps.before(steps.step(0));
  cells.select(0, start).zero_();
  rows.select(0, start).narrow(1, inputs, hidden).zero_();
  const Tensor transposed = weightsOf(given).t();
  for (int64_t turn = 0; turn < length; ++turn) {
    const int64_t t = steps.step(turn), before = steps.before(t), after = steps.after(t);
    gates.select(0, t).copy_(at::mm(rounded(rows.select(0, before)), transposed));
    at::parallel_for(0, sequences, kSequencesAThread, [&](int64_t first, int64_t end) {
      lstmStep(end - first, hidden, {at_(gates, t) + first * 4 * hidden, 4 * hidden, hidden},
               given.bias.data_ptr<float>(), at_(cells, before) + first * hidden,
               at_(cells, after) + first * hidden, at_(tanhs, t) + first * hidden, hidden,
               at_(rows, after) + first * width + inputs, width);
    });
  }
  LstmRun run;
  run.states = rows.narrow(0, steps.firstAfter(), length).narrow(2, inputs, hidden).transpose(0, 1);
  if (keep) run.kept = {rows, gates, cells, tanhs};
  return run;
}

// Overwrites the gates with the gradients with respect to the sums before activation.
LstmGradients runBfloat16Backward(const LstmInputs& given, const std::vector<Tensor>& kept,
                                  const Tensor& statesGradient, bool wantWeights) {
  const Tensor &rows = kept[0], &gates = kept[1], &cells = kept[2], &tanhs = kept[3];
  const int64_t length = gates.size(0), sequences = gates.size(1), width = rows.size(2);
  const int64_t hidden = tanhs.size(2), inputs = width - hidden;
  const Steps steps{length, given.reverse};
  const auto options = gates.options();
  const Tensor above = statesGradient.stride(2) == 1 ? statesGradient : statesGradient.contiguous();
  const Tensor factors = weightsOf(given);
  const Tensor cellGradient = at::zeros({sequences, hidden}, options);
  const Tensor rowGradient = at::zeros({sequences, width}, options);
  // A row of sums a block of sequences, so that they are added in one order whoever takes which block.
  const int64_t blocks = (sequences + kSequencesAThread - 1) / kSequencesAThread;
  const Tensor biasGradients = at::zeros({blocks, 4 * hidden}, options);
  LstmGradients gradients;
  gradients.x = at::empty({sequences, length, inputs}, options);
  for (int64_t turn = length - 1; turn >= 0; --turn) {
    const int64_t t = steps.step(turn);
    const float* outside = above.data_ptr<float>() + t * above.stride(1);
    at::parallel_for(0, blocks, 1, [&](int64_t firstBlock, int64_t endBlock) {
      for (int64_t block = firstBlock; block < endBlock; ++block) {
        const int64_t first = block * kSequencesAThread;
        const int64_t count = std::min(kSequencesAThread, sequences - first);
        float* ofGates = at_(gates, t) + first * 4 * hidden;
        lstmStepBackward(count, hidden, {ofGates, 4 * hidden, hidden}, ofGates,
                         at_(cells, steps.before(t)) + first * hidden, at_(tanhs, t) + first * hidden, hidden,
                         {outside + first * above.stride(0), above.stride(0)},
                         {at_(rowGradient, first) + inputs, width}, at_(cellGradient, first),
                         at_(biasGradients, block));
      }
    });
    rowGradient.copy_(at::mm(rounded(gates.select(0, t)), factors));
    gradients.x.select(1, t).copy_(rowGradient.narrow(1, 0, inputs));
  }
  if (wantWeights) {
    gradients.bias = biasGradients.sum(0);
    const Tensor read = rows.narrow(0, steps.firstBefore(), length).view({-1, width});
    const Tensor weight = at::mm(rounded(gates.view({-1, 4 * hidden})).t(), rounded(read)).to(at::kFloat);
    gradients.inputHidden = weight.narrow(1, 0, inputs).contiguous();
    gradients.hiddenHidden = weight.narrow(1, inputs, hidden).contiguous();
  }
  return gradients;
}

}  // namespace flowglyph::torch
