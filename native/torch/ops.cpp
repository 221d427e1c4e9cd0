// The table of tensor operations: one row each, plain calls of libtorch. To add one: a row here, its
// signature in bindings/torch/native.ts, a method in bindings/torch/tensor.ts.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <array>

#include "arguments.hpp"
#include "conv_transpose.hpp"
#include "lstm.hpp"
#include "sequence_conv.hpp"

namespace flowglyph::torch {

namespace {

using at::Tensor;
using Shape = std::vector<int64_t>;
using Tensors = std::vector<Tensor>;

at::TensorOptions on(c10::Device device, at::ScalarType type) {
  return at::TensorOptions(device).dtype(type);
}

// Empty lists mean "all axes", as one scalar.
Tensor sum(const Tensor& x, const Shape& axes, bool keepAxes) {
  return axes.empty() ? at::sum(x) : at::sum(x, axes, keepAxes);
}
Tensor mean(const Tensor& x, const Shape& axes, bool keepAxes) {
  return axes.empty() ? at::mean(x) : at::mean(x, axes, keepAxes);
}

// Not at::dropout, which draws from the process-wide generator.
Tensor dropout(const Tensor& x, double probability, const at::Generator& generator) {
  TORCH_CHECK(probability >= 0 && probability <= 1, "expected a probability but received ", probability);
  if (probability == 1) return at::mul(x, at::zeros_like(x));
  Tensor mask = at::empty_like(x).bernoulli_(1 - probability, generator).div_(1 - probability);
  return at::mul(x, mask);
}

// A number takes x's type.
Tensor where(const Tensor& condition, const Tensor& x, const Operand& otherwise) {
  const Tensor& y = otherwise.tensor;
  return at::where(condition, x, y.unsafeGetTensorImpl()->is_wrapped_number() ? y.to(x.options()) : y);
}

// Indices of any integer type: libtorch itself takes the two wide ones.
Tensor embedding(const Tensor& indices, const Tensor& weight) {
  TORCH_CHECK(weight.dim() == 2, "expected a weight (V, E) but received ", weight.dim(), " axes");
  const bool wide = indices.scalar_type() == at::kLong || indices.scalar_type() == at::kInt;
  TORCH_CHECK(wide || indices.scalar_type() == at::kByte, "expected integer indices but received ",
              indices.scalar_type());
  TORCH_CHECK(wide || weight.size(0) > 255 || !indices.is_cuda(),
              "expected a weight of 256 rows or more for uint8 indices on CUDA, where none are checked");
  return at::embedding(weight, wide ? indices : indices.to(at::kInt));
}

Tensor layerNorm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon) {
  TORCH_CHECK(x.dim() >= 1, "expected (..., C) but received a scalar");
  return at::layer_norm(x, {x.size(-1)}, weight, bias, epsilon);
}

Tensor batchNorm(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& runningMean,
                 const Tensor& runningVariance, bool training, double momentum, double epsilon) {
  TORCH_CHECK(x.dim() >= 2, "expected (N, C, ...) but received ", x.dim(), " axes");
  TORCH_CHECK(!training || x.numel() > x.size(1), "expected more than one value a channel in training");
  return at::batch_norm(x, weight, bias, runningMean, runningVariance, training, momentum, epsilon, true);
}

const std::array kRows{
    // making
    row(
        "full", +[](const Shape& shape, double value, at::ScalarType type,
                    c10::Device device) { return at::full(shape, value, on(device, type)); }),
    row(
        "arange", +[](int64_t end, at::ScalarType type,
                      c10::Device device) { return at::arange(end, on(device, type)); }),
    row(
        "uniform",
        +[](const Shape& shape, double low, double high, const at::Generator& generator) {
          return at::empty(shape, on(generator.device(), at::kFloat)).uniform_(low, high, generator);
        }),
    row(
        "normal",
        +[](const Shape& shape, double mean, double deviation, const at::Generator& generator) {
          return at::empty(shape, on(generator.device(), at::kFloat)).normal_(mean, deviation, generator);
        }),
    row(
        "randperm",
        +[](int64_t length, const at::Generator& generator) {
          return at::randperm(length, generator, on(generator.device(), at::kLong));
        }),

    row(
        "bernoulli",
        +[](const Shape& shape, double probability, const at::Generator& generator) {
          return at::empty(shape, on(generator.device(), at::kBool)).bernoulli_(probability, generator);
        }),
    row(
        "maskAt",
        +[](const Shape& shape, const Tensor& places) {
          return at::zeros(shape, on(places.device(), at::kBool))
              .view({-1})
              .index_fill_(0, places, 1)
              .view(shape);
        }),
    row(
        "integers",
        +[](const Shape& shape, int64_t end, at::ScalarType type, const at::Generator& generator) {
          return at::empty(shape, on(generator.device(), type)).random_(0, end, generator);
        }),

    // shape and place
    row(
        "detach", +[](const Tensor& x) { return x.detach(); }),
    row(
        "to", +[](const Tensor& x, c10::Device device, at::ScalarType type) { return x.to(device, type); }),
    row(
        "clone", +[](const Tensor& x) { return at::clone(x); }),
    row(
        "contiguous", +[](const Tensor& x) { return x.contiguous(); }),
    row(
        "copyFrom",
        +[](const Tensor& target, const Tensor& source) {
          const at::NoGradGuard guard;
          target.copy_(source);
        }),
    row(
        "reshape", +[](const Tensor& x, const Shape& shape) { return at::reshape(x, shape); }),
    row(
        "permute", +[](const Tensor& x, const Shape& axes) { return at::permute(x, axes); }),
    row(
        "unsqueeze", +[](const Tensor& x, int64_t axis) { return at::unsqueeze(x, axis); }),
    row(
        "squeeze", +[](const Tensor& x, int64_t axis) { return at::squeeze(x, axis); }),
    row(
        "expand", +[](const Tensor& x, const Shape& shape) { return x.expand(shape); }),
    row(
        "select", +[](const Tensor& x, int64_t axis, int64_t index) { return at::select(x, axis, index); }),
    row(
        "slice", +[](const Tensor& x, int64_t axis, int64_t start,
                     int64_t end) { return at::slice(x, axis, start, end); }),
    row(
        "indexSelect", +[](const Tensor& x, int64_t axis,
                           const Tensor& indices) { return at::index_select(x, axis, indices); }),
    row(
        "concat", +[](const Tensors& xs, int64_t axis) { return at::cat(xs, axis); }),
    row(
        "stack", +[](const Tensors& xs, int64_t axis) { return at::stack(xs, axis); }),

    // arithmetic
    row(
        "add", +[](const Tensor& a, const Operand& b) { return at::add(a, b.tensor); }),
    row(
        "subtract", +[](const Tensor& a, const Operand& b) { return at::sub(a, b.tensor); }),
    row(
        "multiply", +[](const Tensor& a, const Operand& b) { return at::mul(a, b.tensor); }),
    row(
        "divide", +[](const Tensor& a, const Operand& b) { return at::div(a, b.tensor); }),
    row(
        "equal", +[](const Tensor& a, const Operand& b) { return at::eq(a, b.tensor); }),
    row(
        "greater", +[](const Tensor& a, const Operand& b) { return at::gt(a, b.tensor); }),
    row(
        "less", +[](const Tensor& a, const Operand& b) { return at::lt(a, b.tensor); }),
    row(
        "pow", +[](const Tensor& x, double exponent) { return at::pow(x, exponent); }),
    row(
        "clamp", +[](const Tensor& x, double low, double high) { return at::clamp(x, low, high); }),
    row(
        "negate", +[](const Tensor& x) { return at::neg(x); }),
    row(
        "exp", +[](const Tensor& x) { return at::exp(x); }),
    row(
        "log", +[](const Tensor& x) { return at::log(x); }),
    row(
        "sqrt", +[](const Tensor& x) { return at::sqrt(x); }),
    row(
        "abs", +[](const Tensor& x) { return at::abs(x); }),
    row(
        "matmul", +[](const Tensor& a, const Tensor& b) { return at::matmul(a, b); }),
    row("sum", sum),
    row("mean", mean),
    row(
        "max", +[](const Tensor& x, int64_t axis) { return std::get<0>(at::max(x, axis)); }),
    row("where", where),
    row(
        "nonzero", +[](const Tensor& x) { return at::nonzero(at::reshape(x, {-1})).view({-1}); }),
    row(
        "argmax", +[](const Tensor& x, int64_t axis) { return at::argmax(x, axis); }),

    // activations
    row(
        "relu", +[](const Tensor& x) { return at::relu(x); }),
    row(
        "leakyRelu", +[](const Tensor& x, double slope) { return at::leaky_relu(x, slope); }),
    row(
        "gelu", +[](const Tensor& x) { return at::gelu(x); }),
    row(
        "silu", +[](const Tensor& x) { return at::silu(x); }),
    row(
        "tanh", +[](const Tensor& x) { return at::tanh(x); }),
    row(
        "sigmoid", +[](const Tensor& x) { return at::sigmoid(x); }),
    row(
        "softmax", +[](const Tensor& x, int64_t axis) { return at::softmax(x, axis); }),
    row(
        "logSoftmax", +[](const Tensor& x, int64_t axis) { return at::log_softmax(x, axis); }),
    row("dropout", dropout),

    // layers
    row(
        "linear", +[](const Tensor& x, const Tensor& weight,
                      const Tensor& bias) { return at::linear(x, weight, bias); }),
    row(
        "conv1d",
        +[](const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t stride, int64_t padding,
            int64_t dilation,
            int64_t groups) { return at::conv1d(x, weight, bias, {stride}, {padding}, {dilation}, groups); }),
    row(
        "conv2d",
        +[](const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t stride, int64_t padding) {
          return at::conv2d(x, weight, bias, {stride, stride}, {padding, padding});
        }),
    row("convTranspose2d", convTranspose2d),
    row("embedding", embedding),
    row("batchNorm", batchNorm),
    row("layerNorm", layerNorm),
    row("lstm", lstm),
    row("sequenceConv", sequenceConv),
    row("sequenceMaxPool", sequenceMaxPool),
    row(
        "maxPool1d", +[](const Tensor& x, int64_t window) { return at::max_pool1d(x, {window}); }),
    row(
        "maxPool2d",
        +[](const Tensor& x, int64_t window) {
          return at::max_pool2d(x, {window, window});
        }),

    // losses
    row(
        "bceWithLogits",
        +[](const Tensor& logits, const Tensor& target) {
          return at::binary_cross_entropy_with_logits(logits, target);
        }),
    row(
        "crossEntropy",
        +[](const Tensor& logits, const Tensor& target) { return at::cross_entropy_loss(logits, target); }),
    // Losses of the rows of logits (N, K), not their mean: (N). `target`: int64 classes (N), or float
    // probabilities (N, K).
    row(
        "crossEntropyRows",
        +[](const Tensor& logits, const Tensor& target, double labelSmoothing) {
          return at::cross_entropy_loss(logits, target, {}, at::Reduction::None, -100, labelSmoothing);
        }),
    row(
        "klDivergenceRows",
        +[](const Tensor& logits, const Tensor& target) {
          return at::kl_div(at::log_softmax(logits, 1), target, at::Reduction::None).sum(1);
        }),
    row(
        "nll", +[](const Tensor& logProbabilities,
                   const Tensor& target) { return at::nll_loss(logProbabilities, target); }),
    row(
        "l1",
        +[](const Tensor& prediction, const Tensor& target) { return at::l1_loss(prediction, target); }),
    row(
        "mse",
        +[](const Tensor& prediction, const Tensor& target) { return at::mse_loss(prediction, target); }),
};

}  // namespace

void exportOps(Napi::Object exports) { exportRows(exports, kRows.data(), kRows.size()); }

}  // namespace flowglyph::torch
