// With features last, what an output step sees of a padded sequence is one row of K C numbers that lie beside
// each other, or K pieces of C: a product takes them where they are. Backward, the gradient of what tap k saw
// is a product that is added up in the padded gradient at that tap's places, and the weight's is one product
// over the steps of several sequences.
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <vector>

#include "product_kernels.hpp"
#include "sequence_shape.hpp"
#include "shares.hpp"

namespace flowglyph::torch {

namespace {

using at::Tensor;

// Steps whose sums are made at a time, so that they are in the cache when the bias comes to them.
constexpr int64_t kStepsAtOnce = 48;
// Sequences of one product over their steps.
constexpr int64_t kSequencesAtOnce = 8;

float* data(const Tensor& tensor) { return tensor.data_ptr<float>(); }

// Some sequences with zeros around them.
class Padded {
 public:
  Padded(const ConvShape& shape, int64_t places)
      : shape_(shape), values_(static_cast<size_t>(places * shape.padded() * shape.inputs)) {}

  float* at(int64_t place) { return values_.data() + place * shape_.padded() * shape_.inputs; }
  void fill(int64_t place, const float* sequence) {
    std::copy_n(sequence, shape_.steps * shape_.inputs, at(place) + shape_.taps.padding * shape_.inputs);
  }

 private:
  const ConvShape& shape_;
  std::vector<float> values_;
};

// Taps beside each other are one run of terms.
int64_t runsOf(const ConvShape& shape) { return shape.taps.dilation == 1 ? 1 : shape.taps.kernel; }
int64_t runOf(const ConvShape& shape) { return shape.width() / runsOf(shape); }

}  // namespace

Tensor convPanels(const ConvShape& shape, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const auto [kernel, stride, dilation, padding] = shape.taps;
  const int64_t outputs = shape.outputs, panels = panelsOf(outputs), width = shape.width();
  // (panels, K C, kPanel)
  const Tensor packed =
      at::constant_pad_nd(weight.permute({2, 1, 0}).reshape({width, outputs}), {0, panels * kPanel - outputs})
          .view({width, panels, kPanel})
          .transpose(0, 1)
          .contiguous();
  const Tensor y = at::empty({shape.sequences, shape.length, outputs}, x.options());
  const int64_t runs = runsOf(shape), run = runOf(shape), rowStride = stride * shape.inputs;
  const int64_t step = dilation * shape.inputs;
  Shares(shape.sequences).each([&](int64_t, int64_t first, int64_t end) {
    Padded padded(shape, 1);
    std::vector<Terms> terms(static_cast<size_t>(runs));
    std::array<float, kStepsAtOnce * kPanel> sums;
    for (int64_t n = first; n < end; ++n) {
      padded.fill(0, data(x) + n * shape.steps * shape.inputs);
      for (int64_t panel = 0; panel < panels; ++panel) {
        const float* factors = data(packed) + panel * width * kPanel;
        const int64_t columns = std::min(kPanel, outputs - panel * kPanel);
        for (int64_t t = 0; t < shape.length; t += kStepsAtOnce) {
          const int64_t rows = std::min(kStepsAtOnce, shape.length - t);
          for (int64_t k = 0; k < runs; ++k) {
            terms[static_cast<size_t>(k)] = {padded.at(0) + t * rowStride + k * step, rowStride,
                                             factors + k * run * kPanel, kPanel, run};
          }
          multiply(rows, terms, {sums.data(), kPanel, columns, false});
          addBias(rows, columns, sums.data(), kPanel, data(bias) + panel * kPanel,
                  data(y) + (n * shape.length + t) * outputs + panel * kPanel, outputs);
        }
      }
    }
  });
  return y;
}

ConvGradients convPanelsBackward(const ConvShape& shape, const Tensor& x, const Tensor& weight,
                                 const Tensor& given, const ConvWanted& wanted) {
  const auto [kernel, stride, dilation, padding] = shape.taps;
  const int64_t inputs = shape.inputs, panels = panelsOf(shape.outputs), width = shape.width();
  // Read by whole lanes.
  const int64_t outputs = lanesOf(shape.outputs);
  const Tensor dy =
      outputs == shape.outputs ? given : at::constant_pad_nd(given, {0, outputs - shape.outputs});
  const int64_t columnPanels = panelsOf(inputs), columnWidth = lanesOf(inputs);
  const Shares shares(shape.sequences);
  ConvGradients gradients;
  if (wanted.x) gradients.x = at::empty(x.sizes(), x.options());
  // (panels of C, K, O, kPanel)
  const Tensor packed =
      wanted.x ? at::constant_pad_nd(weight.permute({2, 0, 1}), {0, columnPanels * kPanel - inputs})
                     .view({kernel, shape.outputs, columnPanels, kPanel})
                     .permute({2, 0, 1, 3})
                     .contiguous()
               : Tensor();
  const Tensor weightSums =
      wanted.weight ? at::zeros({shares.count, panels, width, kPanel}, x.options()) : Tensor();
  const int64_t runs = runsOf(shape), run = runOf(shape), step = dilation * inputs;

  const auto addInput = [&, kernel = kernel, stride = stride, dilation = dilation, padding = padding](
                            int64_t n, std::vector<float>& sums) {
    std::fill(sums.begin(), sums.end(), 0.0F);
    for (int64_t panel = 0; panel < columnPanels; ++panel) {
      for (int64_t k = 0; k < kernel; ++k) {
        const float* factors = data(packed) + (panel * kernel + k) * shape.outputs * kPanel;
        const Terms terms{data(dy) + n * shape.length * outputs, outputs, factors, kPanel, shape.outputs};
        multiply(shape.length, {&terms, 1},
                 {sums.data() + k * dilation * columnWidth + panel * kPanel, stride * columnWidth,
                  std::min(kPanel, inputs - panel * kPanel), true});
      }
    }
    for (int64_t t = 0; t < shape.steps; ++t) {
      std::copy_n(sums.data() + (t + padding) * columnWidth, inputs,
                  data(gradients.x) + (n * shape.steps + t) * inputs);
    }
  };
  const auto addWeight = [&, stride = stride](int64_t share, int64_t first, int64_t count, Padded& padded,
                                              std::vector<Terms>& terms) {
    for (int64_t i = 0; i < count; ++i) padded.fill(i, data(x) + (first + i) * shape.steps * inputs);
    terms.resize(static_cast<size_t>(count));
    for (int64_t panel = 0; panel < panels; ++panel) {
      for (int64_t k = 0; k < runs; ++k) {
        for (int64_t i = 0; i < count; ++i) {
          terms[static_cast<size_t>(i)] = {padded.at(i) + k * step, stride * inputs,
                                           data(dy) + (first + i) * shape.length * outputs + panel * kPanel,
                                           outputs, shape.length};
        }
        float* sums = data(weightSums) + ((share * panels + panel) * width + k * run) * kPanel;
        multiplyTransposed(run, terms,
                           {sums, kPanel, std::min(kPanel, shape.outputs - panel * kPanel), true});
      }
    }
  };
  shares.each([&](int64_t share, int64_t first, int64_t end) {
    Padded padded(shape, wanted.weight ? kSequencesAtOnce : 0);
    std::vector<float> sums(static_cast<size_t>(wanted.x ? shape.padded() * columnWidth : 0));
    std::vector<Terms> terms;
    for (int64_t n = first; n < end; n += kSequencesAtOnce) {
      const int64_t count = std::min(kSequencesAtOnce, end - n);
      if (wanted.weight) addWeight(share, n, count, padded, terms);
      for (int64_t i = 0; wanted.x && i < count; ++i) addInput(n + i, sums);
    }
  });
  if (wanted.bias) gradients.bias = given.sum(at::IntArrayRef{0, 1});
  if (wanted.weight) {
    gradients.weight = weightSums.sum(0)
                           .transpose(0, 1)
                           .reshape({kernel, inputs, panels * kPanel})
                           .narrow(2, 0, shape.outputs)
                           .permute({2, 1, 0})
                           .contiguous();
  }
  return gradients;
}

}  // namespace flowglyph::torch
