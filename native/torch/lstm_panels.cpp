// A product a step on all threads is too small for them: a fork, a join and a packing of the weights for
// each. Sequences know nothing of one another, so each thread takes its share through all steps, and the
// weights are packed once a pass. A panel of the gates is those of 16 units, which lie beside each other: as
// soon as it is summed it is activated, while it is in the cache. Backward, a step's gradients of the gates
// are used for both products and forgotten.
//
// Units are filled up to whole panels: with weights of zero their states and gradients are zeros.
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>

#include "lstm_kernels.hpp"
#include "lstm_run.hpp"
#include "product_kernels.hpp"
#include "shares.hpp"

namespace flowglyph::torch {

namespace {

using at::Tensor;

constexpr int64_t kGates = 4;
constexpr int64_t kUnits = kPanel / kGates;
// Rows whose sums are made and activated at a time.
constexpr int64_t kRowsAtOnce = 48;
// Sequences that one thread takes at least: below, waking another costs more.
constexpr int64_t kSequencesAThread = 16;

struct Sizes {
  int64_t sequences, length, inputs, hidden;
  bool reverse;
  Shares shares;  // of the sequences

  explicit Sizes(const LstmInputs& given)
      : sequences(given.x.size(0)),
        length(given.x.size(1)),
        inputs(given.x.size(2)),
        hidden(given.hiddenHidden.size(1)),
        reverse(given.reverse),
        shares(sequences, kSequencesAThread) {}

  int64_t panels() const { return (hidden + kUnits - 1) / kUnits; }  // of gates
  int64_t units() const { return panels() * kUnits; }                // with those that fill up
  int64_t unitsOf(int64_t panel) const { return std::min(kUnits, hidden - panel * kUnits); }

  // States and cells have one more place than there are steps: forward, step t reads place t and writes t +
  // 1; reverse, it reads t + 1 and writes t.
  int64_t step(int64_t turn) const { return reverse ? length - 1 - turn : turn; }
  int64_t before(int64_t step) const { return reverse ? step + 1 : step; }
  int64_t after(int64_t step) const { return reverse ? step : step + 1; }
};

float* data(const Tensor& tensor) { return tensor.data_ptr<float>(); }
float* dataAt(const Tensor& tensor, int64_t place) { return data(tensor) + place * tensor.stride(0); }

// Where the gate of column `column` of a panel is in libtorch's order, or -1.
int64_t rowOf(const Sizes& sizes, int64_t panel, int64_t column) {
  const int64_t unit = panel * kUnits + column % kUnits;
  return unit < sizes.hidden ? column / kUnits * sizes.hidden + unit : -1;
}

// A weight (4H, K) as the right operand of the forward product: (panels, K, kPanel), written from `first` on
// into panels of `depth` terms.
void packForward(const Sizes& sizes, const Tensor& weight, int64_t first, int64_t depth, float* packed) {
  const int64_t terms = weight.size(1);
  const float* from = data(weight);
  at::parallel_for(0, sizes.panels(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; ++panel) {
      float* to = packed + (panel * depth + first) * kPanel;
      for (int64_t column = 0; column < kPanel; ++column) {
        const int64_t row = rowOf(sizes, panel, column);
        if (row < 0) continue;
        for (int64_t k = 0; k < terms; ++k) to[k * kPanel + column] = from[row * terms + k];
      }
    }
  });
}

// The same as that of the backward one: (panels of K, gates in panels' order, kPanel).
Tensor packBackward(const Sizes& sizes, const Tensor& weight) {
  const int64_t columns = weight.size(1), depth = sizes.panels() * kPanel;
  const Tensor packed = at::zeros({panelsOf(columns), depth, kPanel}, weight.options());
  for (int64_t panel = 0; panel < packed.size(0); ++panel) {
    const int64_t count = std::min(kPanel, columns - panel * kPanel);
    for (int64_t k = 0; k < depth; ++k) {
      const int64_t row = rowOf(sizes, k / kPanel, k % kPanel);
      if (row < 0) continue;
      const float* from = data(weight) + row * columns + panel * kPanel;
      std::copy(from, from + count, dataAt(packed, panel) + k * kPanel);
    }
  }
  return packed;
}

// Sums of gates in panels' order (panels, rows, kPanel) -> (4H, rows).
Tensor unpacked(const Sizes& sizes, const Tensor& packed, int64_t first, int64_t rows) {
  const Tensor weight = at::empty({kGates * sizes.hidden, rows}, packed.options());
  at::parallel_for(0, sizes.panels(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; ++panel) {
      const float* from = dataAt(packed, panel) + first * kPanel;
      for (int64_t column = 0; column < kPanel; ++column) {
        const int64_t row = rowOf(sizes, panel, column);
        if (row < 0) continue;
        for (int64_t k = 0; k < rows; ++k) data(weight)[row * rows + k] = from[k * kPanel + column];
      }
    }
  });
  return weight;
}

}  // namespace

LstmRun runPanels(const LstmInputs& given, bool keep) {
  const Sizes sizes(given);
  const int64_t count = sizes.sequences, length = sizes.length, inputs = sizes.inputs;
  const int64_t units = sizes.units(), panels = sizes.panels(), depth = inputs + units;
  const auto options = given.x.options();
  // Without a backward pass each step writes over the one before.
  const int64_t places = keep ? length + 1 : 2, steps = keep ? length : 1;
  const auto place = [&](int64_t index) { return keep ? index : index % 2; };
  const auto kept = [&](int64_t step) { return keep ? step : 0; };
  const Tensor states = at::empty({length + 1, count, units}, options);
  const Tensor gates = at::empty({steps, panels, count, kPanel}, options);
  const Tensor cells = at::empty({places, count, units}, options);
  const Tensor tanhs = at::empty({steps, count, units}, options);
  const int64_t start = sizes.before(sizes.step(0));
  states.select(0, start).zero_();
  cells.select(0, place(start)).zero_();

  const Tensor packed = at::zeros({panels, depth, kPanel}, options);
  packForward(sizes, given.inputHidden, 0, depth, data(packed));
  packForward(sizes, given.hiddenHidden, inputs, depth, data(packed));
  const Tensor bias = at::zeros({panels, 1, kPanel}, options);
  packForward(sizes, given.bias.view({-1, 1}), 0, 1, data(bias));

  sizes.shares.each([&](int64_t, int64_t first, int64_t end) {
    for (int64_t turn = 0; turn < sizes.length; ++turn) {
      const int64_t t = sizes.step(turn), before = sizes.before(t), after = sizes.after(t);
      for (int64_t panel = 0; panel < panels; ++panel) {
        const float* weights = dataAt(packed, panel);
        for (int64_t row = first; row < end; row += kRowsAtOnce) {
          const int64_t rows = std::min(kRowsAtOnce, end - row);
          const std::array<Terms, 2> terms{
              Terms{data(given.x) + row * given.x.stride(0) + t * given.x.stride(1), given.x.stride(0),
                    weights, kPanel, sizes.inputs},
              Terms{dataAt(states, before) + row * units, units, weights + sizes.inputs * kPanel, kPanel,
                    sizes.hidden}};
          float* sums = dataAt(gates, kept(t)) + (panel * sizes.sequences + row) * kPanel;
          // The states that it starts from are zeros.
          multiply(rows, {terms.data(), turn == 0 ? size_t{1} : size_t{2}}, {sums, kPanel, kPanel, false});
          const int64_t unit = row * units + panel * kUnits;
          lstmStep(rows, kUnits, {sums, kPanel, kUnits}, dataAt(bias, panel),
                   dataAt(cells, place(before)) + unit, dataAt(cells, place(after)) + unit,
                   dataAt(tanhs, kept(t)) + unit, units, dataAt(states, after) + unit, units);
        }
      }
    }
  });
  LstmRun run;
  run.states = states.narrow(0, given.reverse ? 0 : 1, length).narrow(2, 0, sizes.hidden).transpose(0, 1);
  if (keep) run.kept = {states, gates, cells, tanhs};
  return run;
}

LstmGradients runPanelsBackward(const LstmInputs& given, const std::vector<Tensor>& kept, const Tensor& above,
                                bool wantWeights) {
  const Sizes sizes(given);
  const int64_t units = sizes.units(), panels = sizes.panels(), inputs = sizes.inputs;
  const Tensor &states = kept[0], &gates = kept[1], &cells = kept[2], &tanhs = kept[3];
  const auto options = given.x.options();
  const Tensor outside = above.stride(2) == 1 ? above : above.contiguous();
  const Tensor toInput = packBackward(sizes, given.inputHidden);
  const Tensor toState = packBackward(sizes, given.hiddenHidden);
  const int64_t stateWidth = toState.size(0) * kPanel, inputWidth = toInput.size(0) * kPanel;

  const Tensor gateGradients = at::zeros({sizes.sequences, panels * kPanel}, options);
  const Tensor cellGradient = at::zeros({sizes.sequences, units}, options);
  const Tensor stateGradient = at::zeros({sizes.sequences, stateWidth}, options);
  const Tensor inputGradient = at::empty({sizes.sequences, inputWidth}, options);
  // Each share's own, added up in their order at the end.
  const Tensor biasSums = at::zeros({sizes.shares.count, panels, 1, kPanel}, options);
  const Tensor weightSums =
      wantWeights ? at::zeros({sizes.shares.count, panels, inputs + sizes.hidden, kPanel}, options)
                  : Tensor();
  LstmGradients gradients;
  gradients.x = at::empty({sizes.sequences, sizes.length, inputs}, options);

  sizes.shares.each([&](int64_t share, int64_t first, int64_t end) {
    const int64_t rows = end - first;
    float* ofGates = dataAt(gateGradients, first);  // (panels, rows, kPanel)
    float* ofState = dataAt(stateGradient, first);
    float* ofInput = dataAt(inputGradient, first);
    std::vector<Terms> terms(static_cast<size_t>(panels));
    const auto through = [&](const Tensor& weights, int64_t columns, float* out, int64_t width) {
      for (int64_t panel = 0; panel < weights.size(0); ++panel) {
        for (int64_t k = 0; k < panels; ++k) {
          terms[static_cast<size_t>(k)] = {ofGates + k * rows * kPanel, kPanel,
                                           dataAt(weights, panel) + k * kPanel * kPanel, kPanel, kPanel};
        }
        const int64_t begin = panel * kPanel;
        multiply(rows, terms, {out + begin, width, std::min(kPanel, columns - begin), false});
      }
    };
    for (int64_t turn = sizes.length - 1; turn >= 0; --turn) {
      const int64_t t = sizes.step(turn), before = sizes.before(t);
      for (int64_t panel = 0; panel < panels; ++panel) {
        const int64_t unit = panel * kUnits, at = first * units + unit;
        lstmStepBackward(
            rows, sizes.unitsOf(panel),
            {dataAt(gates, t) + (panel * sizes.sequences + first) * kPanel, kPanel, kUnits},
            ofGates + panel * rows * kPanel, dataAt(cells, before) + at, dataAt(tanhs, t) + at, units,
            {data(outside) + first * outside.stride(0) + t * outside.stride(1) + unit, outside.stride(0)},
            {ofState + unit, stateWidth}, data(cellGradient) + at,
            data(biasSums) + (share * panels + panel) * kPanel);
      }
      through(toInput, inputs, ofInput, inputWidth);
      for (int64_t n = 0; n < rows; ++n) {
        std::copy_n(ofInput + n * inputWidth, inputs,
                    data(gradients.x) + ((first + n) * sizes.length + t) * inputs);
      }
      // Nobody asks for the gradient of the states that it starts from.
      if (turn > 0) through(toState, sizes.hidden, ofState, stateWidth);
      if (!wantWeights) continue;
      const float* x = data(given.x) + first * given.x.stride(0) + t * given.x.stride(1);
      for (int64_t panel = 0; panel < panels; ++panel) {
        const float* right = ofGates + panel * rows * kPanel;
        float* sums = dataAt(weightSums, share) + panel * weightSums.stride(1);
        const Terms byInput{x, given.x.stride(0), right, kPanel, rows};
        multiplyTransposed(inputs, {&byInput, 1}, {sums, kPanel, kPanel, true});
        if (turn == 0) continue;
        const Terms byState{dataAt(states, before) + first * units, units, right, kPanel, rows};
        multiplyTransposed(sizes.hidden, {&byState, 1}, {sums + inputs * kPanel, kPanel, kPanel, true});
      }
    }
  });
  if (wantWeights) {
    gradients.bias = unpacked(sizes, biasSums.sum(0), 0, 1).view({-1});
    const Tensor sums = weightSums.sum(0);
    gradients.inputHidden = unpacked(sizes, sums, 0, inputs);
    gradients.hiddenHidden = unpacked(sizes, sums, inputs, sizes.hidden);
  }
  return gradients;
}

}  // namespace flowglyph::torch
