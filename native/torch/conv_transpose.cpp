// On a CPU at::conv_transpose2d goes image by image, forward and backward, and oneDNN turns what it is given
// into layouts of its own. Here it is done channels last, which the layers around it can be in too.
#include "conv_transpose.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/conv_transpose2d.h>
#include <ATen/ops/sum.h>
#include <torch/csrc/autograd/custom_function.h>

#include "conv_transpose_panels.hpp"

namespace flowglyph::torch {

namespace {

using at::Tensor;
using ::torch::autograd::AutogradContext;
using ::torch::autograd::variable_list;

// (N, C, H, W) -> (N, H, W, C), a view where memory lies so already.
Tensor channelsLast(const Tensor& images) { return images.permute({0, 2, 3, 1}).contiguous(); }
Tensor channelsSecond(const Tensor& images) { return images.permute({0, 3, 1, 2}); }

struct ConvTranspose : ::torch::autograd::Function<ConvTranspose> {
  static UpShape shapeOf(const Tensor& x, const Tensor& weight, int64_t stride, int64_t padding,
                         int64_t outputPadding) {
    const auto length = [&](int64_t input, int64_t kernel) {
      return stride * (input - 1) - 2 * padding + kernel + outputPadding;
    };
    return {x.size(0),
            x.size(1),
            x.size(2),
            x.size(3),
            weight.size(1),
            length(x.size(1), weight.size(2)),
            length(x.size(2), weight.size(3)),
            {weight.size(2), weight.size(3)},
            stride,
            padding};
  }

  static Tensor forward(AutogradContext* context, const Tensor& given, const Tensor& weight,
                        const Tensor& bias, int64_t stride, int64_t padding, int64_t outputPadding) {
    const Tensor x = channelsLast(given);
    context->save_for_backward({x, weight});
    context->saved_data["sizes"] = std::vector<int64_t>{stride, padding, outputPadding};
    context->saved_data["x"] = given.requires_grad();
    context->saved_data["weight"] = weight.requires_grad();
    context->saved_data["bias"] = bias.requires_grad();
    const UpShape shape = shapeOf(x, weight, stride, padding, outputPadding);
    return channelsSecond(upPanels(shape, x, weight, bias.contiguous()));
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "expected no gradients of a convolution's gradients");
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1];
    const auto sizes = context->saved_data["sizes"].toIntVector();
    const Tensor dy = channelsLast(gradients[0]);
    const UpGradients found =
        upPanelsBackward(shapeOf(x, weight, sizes[0], sizes[1], sizes[2]), x, weight, dy,
                         context->saved_data["x"].toBool(), context->saved_data["weight"].toBool());
    return {found.x.defined() ? channelsSecond(found.x) : Tensor(),
            found.weight,
            context->saved_data["bias"].toBool() ? dy.sum(at::IntArrayRef{0, 1, 2}) : Tensor(),
            Tensor(),
            Tensor(),
            Tensor()};
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
