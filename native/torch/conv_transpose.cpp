// On a CPU at::conv_transpose2d goes image by image, forward and backward. But a transposed convolution is
// the gradient of a convolution by its input, which oneDNN computes for the whole batch at once; and its own
// gradients are that convolution and its gradient by the weight.
#include "conv_transpose.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/conv_transpose2d.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>
#include <utility>

namespace flowglyph::torch {

namespace {

using at::Tensor;
using ::torch::autograd::AutogradContext;
using ::torch::autograd::variable_list;

// oneDNN works on blocks of channels: with fewer outputs than this going image by image is faster.
constexpr int64_t kFewOutputs = 8;

// The gradients by input and weight, as far as they are asked for, of the convolution of `input` that gave
// `output`.
std::pair<Tensor, Tensor> convolutionGradients(const Tensor& outputGradient, const Tensor& input,
                                               const Tensor& weight, int64_t stride, int64_t padding,
                                               bool byInput, bool byWeight) {
  const auto [dInput, dWeight, dBias] =
      at::convolution_backward(outputGradient, input, weight, c10::nullopt, at::IntArrayRef{stride, stride},
                               at::IntArrayRef{padding, padding}, at::IntArrayRef{1, 1}, false,
                               at::IntArrayRef{0, 0}, 1, std::array{byInput, byWeight, false});
  return {dInput, dWeight};
}

struct ConvTranspose : ::torch::autograd::Function<ConvTranspose> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight, const Tensor& bias,
                        int64_t stride, int64_t padding, int64_t outputPadding) {
    context->save_for_backward({x, weight});
    context->saved_data["stride"] = stride;
    context->saved_data["padding"] = padding;
    context->saved_data["x"] = x.requires_grad();
    context->saved_data["weight"] = weight.requires_grad();
    context->saved_data["bias"] = bias.requires_grad();
    if (weight.size(1) < kFewOutputs) {
      return at::conv_transpose2d(x, weight, bias, {stride, stride}, {padding, padding},
                                  {outputPadding, outputPadding});
    }
    const auto length = [&](int64_t axis) {
      return stride * (x.size(axis) - 1) - 2 * padding + weight.size(axis) + outputPadding;
    };
    // Of the convolution's input only the shape counts.
    const Tensor shape = at::empty({x.size(0), weight.size(1), length(2), length(3)}, x.options());
    Tensor result = convolutionGradients(x, shape, weight, stride, padding, true, false).first;
    return result.add_(bias.view({1, -1, 1, 1}));
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1];
    const Tensor gradient = gradients[0].contiguous();
    const int64_t stride = context->saved_data["stride"].toInt();
    const int64_t padding = context->saved_data["padding"].toInt();
    Tensor dx, dWeight, dBias;
    if (context->saved_data["x"].toBool()) {
      dx = at::conv2d(gradient, weight, {}, {stride, stride}, {padding, padding});
    }
    if (context->saved_data["weight"].toBool()) {
      dWeight = convolutionGradients(x, gradient, weight, stride, padding, false, true).second;
    }
    if (context->saved_data["bias"].toBool()) dBias = gradient.sum({0, 2, 3});
    return {dx, dWeight, dBias, Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

Tensor convTranspose2d(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t stride,
                       int64_t padding, int64_t outputPadding) {
  TORCH_CHECK(x.dim() == 4 && weight.dim() == 4, "expected x and weight of 4 axes");
  // What is refused is refused in libtorch's words.
  const auto fits = [&](int64_t axis) {
    return stride * (x.size(axis) - 1) - 2 * padding + weight.size(axis) + outputPadding > 0;
  };
  const bool plain = stride >= 1 && padding >= 0 && outputPadding >= 0 && outputPadding < stride &&
                     x.numel() > 0 && x.size(1) == weight.size(0) && bias.dim() == 1 &&
                     bias.size(0) == weight.size(1) && fits(2) && fits(3);
  if (!plain || !x.device().is_cpu() || x.scalar_type() != at::kFloat) {
    return at::conv_transpose2d(x, weight, bias, {stride, stride}, {padding, padding},
                                {outputPadding, outputPadding});
  }
  return ConvTranspose::apply(x, weight, bias, stride, padding, outputPadding);
}

}  // namespace flowglyph::torch
