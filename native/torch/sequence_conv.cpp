// at::conv1d wants (N, C, T): turned round, its result turned back, and on the CPU it spends more time on its
// own layouts than on products. With features last the products need no other layout (sequence_panels.cpp). A
// convolution of each channel by itself needs no product.
//
// The products may be taken in bfloat16, as the LSTM's (lstm_bfloat16.cpp): operands and results rounded to 8
// significant bits, sums inside a product in float32; gradients of the weight are added up in float32. Then
// what an output step sees is copied to a row, for some sequences at a time, as libtorch multiplies rows that
// lie beside each other.
#include "sequence_conv.hpp"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/conv1d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/max.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cstring>

#include "sequence_shape.hpp"

namespace flowglyph::torch {

namespace {

using at::Tensor;
using ::torch::autograd::AutogradContext;
using ::torch::autograd::variable_list;

// Bytes of the rows that are made at a time: they are written and read again soon.
constexpr int64_t kRowBytes = 1 << 20;
// Sequences whose sums are one sum, so that they are added in one order whoever takes which.
constexpr int64_t kSequencesABlock = 8;

// Sequences of one product.
int64_t chunkOf(const ConvShape& shape) {
  const int64_t bytes = shape.length * shape.width() * 2;
  return std::clamp<int64_t>(kRowBytes / std::max<int64_t>(bytes, 1), 1, shape.sequences);
}

// Scratch for some sequences in bfloat16: padded (count, T + 2 P, C), and a row for each output step
// (count T', K C).
struct Rows {
  Tensor padded;
  Tensor rows;

  Rows(const ConvShape& shape, int64_t count) {
    padded = at::zeros({count, shape.padded(), shape.inputs}, at::kBFloat16);
    rows = at::empty({count * shape.length, shape.width()}, at::kBFloat16);
  }
};

// x: the first of `count` sequences (T, C).
void fillRows(const ConvShape& shape, int64_t count, const float* x, const Rows& scratch) {
  auto* padded = static_cast<uint16_t*>(scratch.padded.data_ptr());
  auto* rows = static_cast<uint16_t*>(scratch.rows.data_ptr());
  const auto [kernel, stride, dilation, padding] = shape.taps;
  at::parallel_for(0, count, 1,
                   [&, kernel = kernel, stride = stride, dilation = dilation, padding = padding](
                       int64_t first, int64_t end) {
                     for (int64_t n = first; n < end; ++n) {
                       uint16_t* sequence = padded + n * shape.padded() * shape.inputs;
                       toBfloat16(shape.steps * shape.inputs, x + n * shape.steps * shape.inputs,
                                  sequence + padding * shape.inputs);
                       uint16_t* row = rows + n * shape.length * shape.width();
                       // Taps beside each other are one piece.
                       const int64_t pieces = dilation == 1 ? 1 : kernel;
                       const int64_t piece = dilation == 1 ? shape.width() : shape.inputs;
                       for (int64_t t = 0; t < shape.length; ++t) {
                         const uint16_t* from = sequence + t * stride * shape.inputs;
                         for (int64_t k = 0; k < pieces; ++k, row += piece) {
                           std::memcpy(row, from + k * dilation * shape.inputs, piece * sizeof(uint16_t));
                         }
                       }
                     }
                   });
}

// The other way round: gradients of rows are added up in `padded` (count, T + 2 P, C), float32.
void addRowGradients(const ConvShape& shape, int64_t count, const Tensor& gradients, const Tensor& padded) {
  const auto* rows = static_cast<const uint16_t*>(gradients.data_ptr());
  auto* sums = padded.data_ptr<float>();
  const auto [kernel, stride, dilation, padding] = shape.taps;
  at::parallel_for(0, count, 1,
                   [&, kernel = kernel, stride = stride, dilation = dilation](int64_t first, int64_t end) {
                     for (int64_t n = first; n < end; ++n) {
                       float* sequence = sums + n * shape.padded() * shape.inputs;
                       const uint16_t* row = rows + n * shape.length * shape.width();
                       const int64_t pieces = dilation == 1 ? 1 : kernel;
                       const int64_t piece = dilation == 1 ? shape.width() : shape.inputs;
                       for (int64_t t = 0; t < shape.length; ++t) {
                         float* to = sequence + t * stride * shape.inputs;
                         for (int64_t k = 0; k < pieces; ++k, row += piece) {
                           addValues(piece, row, to + k * dilation * shape.inputs);
                         }
                       }
                     }
                   });
}

// (O, C, K) -> (K C, O).
Tensor factorsOf(const Tensor& weight) {
  return weight.permute({2, 1, 0}).reshape({-1, weight.size(0)}).to(at::kBFloat16);
}

Tensor forwardBfloat16(const ConvShape& shape, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const Tensor factors = factorsOf(weight);
  Tensor y = at::empty({shape.sequences, shape.length, shape.outputs}, x.options());
  const int64_t chunk = chunkOf(shape);
  const Rows scratch(shape, chunk);
  for (int64_t first = 0; first < shape.sequences; first += chunk) {
    const int64_t count = std::min(chunk, shape.sequences - first);
    fillRows(shape, count, x.data_ptr<float>() + first * shape.steps * shape.inputs, scratch);
    const Tensor rows = scratch.rows.narrow(0, 0, count * shape.length);
    const Tensor out = y.narrow(0, first, count).view({-1, shape.outputs});
    const Tensor products = at::mm(rows, factors);
    const auto* values = static_cast<const uint16_t*>(products.data_ptr());
    addBias(rows.size(0), shape.outputs, values, bias.data_ptr<float>(), out.data_ptr<float>());
  }
  return y;
}

ConvGradients backwardBfloat16(const ConvShape& shape, const Tensor& x, const Tensor& weight,
                               const Tensor& dy, const ConvWanted& wanted) {
  ConvGradients gradients;
  const Tensor factors = factorsOf(weight);  // (K C, O)
  const int64_t chunk = chunkOf(shape);
  const Rows scratch(shape, chunk);
  const auto options = x.options();
  if (wanted.bias) gradients.bias = at::zeros({shape.outputs}, options);
  if (wanted.x) gradients.x = at::empty(x.sizes(), options);
  Tensor dFactors = wanted.weight ? at::zeros({shape.width(), shape.outputs}, options) : Tensor();
  const Tensor padded = wanted.x ? at::empty({chunk, shape.padded(), shape.inputs}, options) : Tensor();
  for (int64_t first = 0; first < shape.sequences; first += chunk) {
    const int64_t count = std::min(chunk, shape.sequences - first);
    const Tensor exact = dy.narrow(0, first, count).view({-1, shape.outputs});
    const Tensor dOut = exact.to(at::kBFloat16);
    if (wanted.bias) {
      addRows(exact.size(0), shape.outputs, exact.data_ptr<float>(), gradients.bias.data_ptr<float>());
    }
    if (wanted.weight) {
      fillRows(shape, count, x.data_ptr<float>() + first * shape.steps * shape.inputs, scratch);
      const Tensor rows = scratch.rows.narrow(0, 0, count * shape.length);
      const Tensor products = at::mm(rows.t(), dOut).contiguous();
      addValues(products.numel(), static_cast<const uint16_t*>(products.data_ptr()),
                dFactors.data_ptr<float>());
    }
    if (wanted.x) {
      padded.zero_();
      addRowGradients(shape, count, at::mm(dOut, factors.t()).contiguous(), padded);
      gradients.x.narrow(0, first, count)
          .copy_(padded.narrow(0, 0, count).narrow(1, shape.taps.padding, shape.steps));
    }
  }
  if (wanted.weight) {
    gradients.weight =
        dFactors.view({shape.taps.kernel, shape.inputs, shape.outputs}).permute({2, 1, 0}).contiguous();
  }
  return gradients;
}

Tensor forwardDepthwise(const ConvShape& shape, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const Tensor factors = weight.squeeze(1).t().contiguous();  // (K, C)
  Tensor y = at::empty({shape.sequences, shape.length, shape.outputs}, x.options());
  at::parallel_for(0, shape.sequences, 1, [&](int64_t first, int64_t end) {
    for (int64_t n = first; n < end; ++n) {
      depthwise(shape.steps, shape.length, shape.inputs, shape.taps,
                x.data_ptr<float>() + n * shape.steps * shape.inputs, factors.data_ptr<float>(),
                bias.data_ptr<float>(), y.data_ptr<float>() + n * shape.length * shape.outputs);
    }
  });
  return y;
}

ConvGradients backwardDepthwise(const ConvShape& shape, const Tensor& x, const Tensor& weight,
                                const Tensor& dy) {
  const Tensor factors = weight.squeeze(1).t().contiguous();
  Tensor dx = at::zeros(x.sizes(), x.options());
  const int64_t blocks = (shape.sequences + kSequencesABlock - 1) / kSequencesABlock;
  Tensor dFactors = at::zeros({blocks, shape.taps.kernel, shape.inputs}, x.options());
  Tensor dBias = at::zeros({blocks, shape.inputs}, x.options());
  at::parallel_for(0, blocks, 1, [&](int64_t firstBlock, int64_t endBlock) {
    for (int64_t block = firstBlock; block < endBlock; ++block) {
      const int64_t end = std::min((block + 1) * kSequencesABlock, shape.sequences);
      for (int64_t n = block * kSequencesABlock; n < end; ++n) {
        const float* gradient = dy.data_ptr<float>() + n * shape.length * shape.inputs;
        const int64_t offset = n * shape.steps * shape.inputs;
        depthwiseBackward(shape.steps, shape.length, shape.inputs, shape.taps, x.data_ptr<float>() + offset,
                          factors.data_ptr<float>(), gradient, dx.data_ptr<float>() + offset,
                          dFactors.data_ptr<float>() + block * shape.taps.kernel * shape.inputs);
        addRows(shape.length, shape.inputs, gradient, dBias.data_ptr<float>() + block * shape.inputs);
      }
    }
  });
  return {dx, dFactors.sum(0).t().unsqueeze(1).contiguous(), dBias.sum(0)};
}

ConvShape shapeOf(const Tensor& x, const Tensor& weight, const Taps& taps) {
  const int64_t seen = taps.dilation * (taps.kernel - 1) + 1;
  return {x.size(0),
          x.size(1),
          x.size(2),
          weight.size(0),
          (x.size(1) + 2 * taps.padding - seen) / taps.stride + 1,
          taps};
}

struct SequenceConv : ::torch::autograd::Function<SequenceConv> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight, const Tensor& bias,
                        int64_t stride, int64_t padding, int64_t dilation, bool depthwise, bool bfloat16) {
    const Tensor sequences = x.contiguous();
    context->save_for_backward({sequences, weight});
    context->saved_data["taps"] = std::vector<int64_t>{weight.size(2), stride, dilation, padding};
    context->saved_data["depthwise"] = depthwise;
    context->saved_data["bfloat16"] = bfloat16;
    context->saved_data["wanted"] =
        std::vector<int64_t>{x.requires_grad(), weight.requires_grad(), bias.requires_grad()};
    const ConvShape shape = shapeOf(sequences, weight, {weight.size(2), stride, dilation, padding});
    const Tensor biases = bias.contiguous();
    if (depthwise) return forwardDepthwise(shape, sequences, weight, biases);
    return bfloat16 ? forwardBfloat16(shape, sequences, weight, biases)
                    : convPanels(shape, sequences, weight, biases);
  }

  static variable_list backward(AutogradContext* context, const variable_list& given) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "expected no gradients of a convolution's gradients");
    const auto saved = context->get_saved_variables();
    const auto taps = context->saved_data["taps"].toIntVector();
    const auto flags = context->saved_data["wanted"].toIntVector();
    const ConvWanted wanted{flags[0] != 0, flags[1] != 0, flags[2] != 0};
    const ConvShape shape = shapeOf(saved[0], saved[1], {taps[0], taps[1], taps[2], taps[3]});
    const Tensor dy = given[0].contiguous();
    const ConvGradients found = context->saved_data["depthwise"].toBool()
                                    ? backwardDepthwise(shape, saved[0], saved[1], dy)
                                : context->saved_data["bfloat16"].toBool()
                                    ? backwardBfloat16(shape, saved[0], saved[1], dy, wanted)
                                    : convPanelsBackward(shape, saved[0], saved[1], dy, wanted);
    return {wanted.x ? found.x : Tensor(),
            wanted.weight ? found.weight : Tensor(),
            wanted.bias ? found.bias : Tensor(),
            Tensor(),
            Tensor(),
            Tensor(),
            Tensor(),
            Tensor()};
  }
};

Tensor throughLibtorch(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t stride,
                       int64_t padding, int64_t dilation, int64_t groups, bool bfloat16) {
  const auto operand = [&](const Tensor& tensor) { return bfloat16 ? tensor.to(at::kBFloat16) : tensor; };
  return at::conv1d(operand(x).transpose(1, 2), operand(weight), operand(bias), {stride}, {padding},
                    {dilation}, groups)
      .transpose(1, 2)
      .to(x.scalar_type());
}

struct SequenceMaxPool : ::torch::autograd::Function<SequenceMaxPool> {
  static Tensor forward(AutogradContext* context, const Tensor& x, int64_t window) {
    const int64_t outputs = x.size(1) / window, channels = x.size(2);
    const Tensor sequences = x.contiguous();
    Tensor y = at::empty({x.size(0), outputs, channels}, x.options());
    const Tensor places = at::empty(y.sizes(), x.options().dtype(at::kByte));
    at::parallel_for(0, x.size(0), 1, [&](int64_t first, int64_t end) {
      for (int64_t n = first; n < end; ++n) {
        maxPool(outputs, window, channels, sequences.data_ptr<float>() + n * x.size(1) * channels,
                y.data_ptr<float>() + n * outputs * channels,
                places.data_ptr<uint8_t>() + n * outputs * channels);
      }
    });
    context->save_for_backward({places});
    context->saved_data["steps"] = x.size(1);
    context->saved_data["window"] = window;
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& given) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "expected no gradients of a pooling's gradients");
    const Tensor places = context->get_saved_variables()[0];
    const int64_t steps = context->saved_data["steps"].toInt();
    const int64_t window = context->saved_data["window"].toInt();
    const int64_t outputs = places.size(1), channels = places.size(2);
    const Tensor dy = given[0].contiguous();
    Tensor dx = at::empty({places.size(0), steps, channels}, dy.options());
    dx.narrow(1, outputs * window, steps - outputs * window).zero_();
    at::parallel_for(0, places.size(0), 1, [&](int64_t first, int64_t end) {
      for (int64_t n = first; n < end; ++n) {
        maxPoolBackward(outputs, window, channels, dy.data_ptr<float>() + n * outputs * channels,
                        places.data_ptr<uint8_t>() + n * outputs * channels,
                        dx.data_ptr<float>() + n * steps * channels);
      }
    });
    return {dx, Tensor()};
  }
};

}  // namespace

Tensor sequenceConv(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t stride,
                    int64_t padding, int64_t dilation, int64_t groups, bool bfloat16) {
  TORCH_CHECK(x.dim() == 3, "expected (N, T, C) but received ", x.dim(), " axes");
  TORCH_CHECK(weight.dim() == 3 && bias.dim() == 1, "expected a weight (O, C, K) and a bias (O)");
  const bool positive = stride >= 1 && padding >= 0 && dilation >= 1 && groups >= 1;
  const bool depthwise = groups > 1 && groups == x.size(2) && groups == weight.size(0);
  const bool whole = positive && x.numel() > 0 && weight.numel() > 0 &&
                     weight.size(1) * groups == x.size(2) && bias.size(0) == weight.size(0) &&
                     x.size(1) + 2 * padding >= dilation * (weight.size(2) - 1) + 1;
  const auto plain = [](const Tensor& tensor) {
    return tensor.device().is_cpu() && tensor.scalar_type() == at::kFloat;
  };
  // What is refused is refused in libtorch's words.
  if (!whole || !(groups == 1 || depthwise) || !plain(x) || !plain(weight) || !plain(bias)) {
    return throughLibtorch(x, weight, bias, stride, padding, dilation, groups, bfloat16);
  }
  return SequenceConv::apply(x, weight, bias, stride, padding, dilation, depthwise, bfloat16);
}

Tensor sequenceMaxPool(const Tensor& x, int64_t window) {
  TORCH_CHECK(x.dim() == 3, "expected (N, T, C) but received ", x.dim(), " axes");
  TORCH_CHECK(window >= 1 && window <= x.size(1), "expected a window of 1 to ", x.size(1),
              " steps but received ", window);
  // A place in the window is one byte.
  if (!x.device().is_cpu() || x.scalar_type() != at::kFloat || window > 256) {
    const int64_t outputs = x.size(1) / window;
    const Tensor windows = x.narrow(1, 0, outputs * window).reshape({x.size(0), outputs, window, x.size(2)});
    return std::get<0>(at::max(windows, 2));
  }
  return SequenceMaxPool::apply(x, window);
}

}  // namespace flowglyph::torch
