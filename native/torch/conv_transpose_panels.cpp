// Place i of the input gives to place i stride + k - padding of the output, by tap k. A place of the output
// is then the sum over few taps of products with the channels of a place each, for the same place of many
// images at once: rows of a product that are an image apart. No place is multiplied that is not there, and
// nothing is copied. The gradients are such sums too.
//
// A few outputs would fill a panel badly. There all taps of all outputs are one product's columns, and what
// it gives is added up where it belongs.
#include "conv_transpose_panels.hpp"

#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <vector>

#include "product_kernels.hpp"
#include "sequence_kernels.hpp"
#include "shares.hpp"

namespace flowglyph::torch {

namespace {

using at::Tensor;

// Rows of a product: whole tiles, and few enough that their places stay in the cache from tap to tap.
constexpr int64_t kImagesAtOnce = 24;

float* data(const Tensor& tensor) { return tensor.data_ptr<float>(); }
float* dataAt(const Tensor& tensor, int64_t place) { return data(tensor) + place * tensor.stride(0); }

// (..., K, N) -> (..., panels, K, kPanel)
Tensor panelled(const Tensor& matrices) {
  const int64_t columns = matrices.size(-1), panels = panelsOf(columns);
  std::vector<int64_t> sizes = matrices.sizes().vec();
  sizes.back() = panels;
  sizes.push_back(kPanel);
  return at::constant_pad_nd(matrices, {0, panels * kPanel - columns})
      .view(sizes)
      .transpose(-3, -2)
      .contiguous();
}

// Whole lanes are written and read.
Tensor emptyRows(const UpShape& shape, int64_t height, int64_t width, int64_t columns, const Tensor& like) {
  return at::empty({shape.images, height, width, lanesOf(columns)}, like.options());
}
Tensor withLanes(const Tensor& rows) {
  const int64_t more = lanesOf(rows.size(-1)) - rows.size(-1);
  return more == 0 ? rows : at::constant_pad_nd(rows, {0, more});
}
Tensor withoutLanes(const Tensor& rows, int64_t columns) {
  return rows.size(-1) == columns ? rows : rows.narrow(-1, 0, columns).contiguous();
}

// A place of the input and one of the output that tap `tap` joins, both counted row by row.
struct Meeting {
  int64_t tap, in, out;
};

std::vector<Meeting> meetings(const UpShape& shape) {
  std::vector<Meeting> all;
  for (int64_t tap = 0; tap < shape.taps(); ++tap) {
    for (int64_t in = 0; in < shape.height * shape.width; ++in) {
      const int64_t y = in / shape.width * shape.stride + tap / shape.kernel[1] - shape.padding;
      const int64_t x = in % shape.width * shape.stride + tap % shape.kernel[1] - shape.padding;
      if (y < 0 || y >= shape.outHeight || x < 0 || x >= shape.outWidth) continue;
      all.push_back({tap, in, y * shape.outWidth + x});
    }
  }
  return all;
}

// The meetings of each place, or of each tap.
std::vector<std::vector<Meeting>> grouped(const UpShape& shape, int64_t count, int64_t Meeting::*by) {
  std::vector<std::vector<Meeting>> groups(static_cast<size_t>(count));
  for (const Meeting& meeting : meetings(shape)) groups[static_cast<size_t>(meeting.*by)].push_back(meeting);
  return groups;
}

// to[n][place] = sum over its meetings of from[n][place at the other end] by the tap's panel. `to` and `from`
// (N, places, lanes), `factors` (taps, panels, `depth`, kPanel).
void sumPlaces(const UpShape& shape, const std::vector<std::vector<Meeting>>& places, int64_t Meeting::*other,
               const Tensor& from, const Tensor& factors, int64_t depth, const float* bias, int64_t columns,
               const Tensor& to) {
  const int64_t fromImage = from.stride(0), fromPlace = from.size(-1);
  const int64_t toImage = to.stride(0), toPlace = to.size(-1), panels = factors.size(1);
  const float* sources = data(from);
  const float* weights = data(factors);
  float* targets = data(to);
  Shares(shape.images).each([&](int64_t, int64_t first, int64_t end) {
    std::vector<Terms> terms;
    for (int64_t n = first; n < end; n += kImagesAtOnce) {
      const int64_t rows = std::min(kImagesAtOnce, end - n);
      for (int64_t panel = 0; panel < panels; ++panel) {
        const int64_t wanted = std::min(kPanel, columns - panel * kPanel);
        for (size_t place = 0; place < places.size(); ++place) {
          terms.clear();
          for (const Meeting& meeting : places[place]) {
            terms.push_back({sources + n * fromImage + meeting.*other * fromPlace, fromImage,
                             weights + (meeting.tap * panels + panel) * depth * kPanel, kPanel, depth});
          }
          float* out = targets + n * toImage + static_cast<int64_t>(place) * toPlace + panel * kPanel;
          multiply(rows, terms, {out, toImage, wanted, false});
          if (bias != nullptr) addBias(rows, wanted, out, toImage, bias + panel * kPanel, out, toImage);
        }
      }
    }
  });
}

// sums (shares, taps, panels of O, C, kPanel) of x by dy, where they meet.
Tensor sumTaps(const UpShape& shape, const Tensor& x, const Tensor& dy) {
  const auto taps = grouped(shape, shape.taps(), &Meeting::tap);
  const Shares shares(shape.images);
  const int64_t panels = panelsOf(shape.outputs), outPlace = dy.size(-1);
  const Tensor sums = at::zeros({shares.count, shape.taps(), panels, shape.inputs, kPanel}, x.options());
  const float *inputs = data(x), *gradients = data(dy);
  const int64_t inputImage = x.stride(0), gradientImage = dy.stride(0);
  shares.each([&](int64_t share, int64_t first, int64_t end) {
    std::vector<Terms> terms;
    for (int64_t n = first; n < end; n += kImagesAtOnce) {
      const int64_t images = std::min(kImagesAtOnce, end - n);
      for (size_t tap = 0; tap < taps.size(); ++tap) {
        for (int64_t panel = 0; panel < panels; ++panel) {
          terms.clear();
          for (const Meeting& meeting : taps[tap]) {
            terms.push_back({inputs + n * inputImage + meeting.in * shape.inputs, inputImage,
                             gradients + n * gradientImage + meeting.out * outPlace + panel * kPanel,
                             gradientImage, images});
          }
          float* out =
              dataAt(sums, share) + static_cast<int64_t>(tap) * sums.stride(1) + panel * sums.stride(2);
          multiplyTransposed(shape.inputs, terms,
                             {out, kPanel, std::min(kPanel, shape.outputs - panel * kPanel), true});
        }
      }
    }
  });
  return sums.sum(0);
}

// All taps of all outputs as columns: (C, O, K, L) -> (C, K L O).
Tensor columnsOf(const Tensor& weight) { return weight.permute({0, 2, 3, 1}).reshape({weight.size(0), -1}); }

// Between an image's columns (H W, K L O in lanes) and its outputs (H', W', O).
template <typename Task>
void eachColumn(const UpShape& shape, const std::vector<Meeting>& all, int64_t lanes, const Task& task) {
  for (const Meeting& meeting : all) {
    task(meeting.in * lanes + meeting.tap * shape.outputs, meeting.out * shape.outputs);
  }
}

bool asColumns(const UpShape& shape) { return shape.outputs < kLane; }

Tensor upColumns(const UpShape& shape, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const int64_t places = shape.height * shape.width, columns = shape.taps() * shape.outputs;
  const int64_t lanes = lanesOf(columns), outputs = shape.outputs;
  const Tensor factors = panelled(columnsOf(weight));
  const Tensor y = bias.expand({shape.images, shape.outHeight, shape.outWidth, outputs}).contiguous();
  const std::vector<Meeting> all = meetings(shape);
  Shares(shape.images).each([&](int64_t, int64_t first, int64_t end) {
    std::vector<float> sums(static_cast<size_t>(places * lanes));
    for (int64_t n = first; n < end; ++n) {
      for (int64_t panel = 0; panel < factors.size(0); ++panel) {
        const Terms terms{dataAt(x, n), shape.inputs, dataAt(factors, panel), kPanel, shape.inputs};
        multiply(places, {&terms, 1},
                 {sums.data() + panel * kPanel, lanes, std::min(kPanel, columns - panel * kPanel), false});
      }
      float* out = dataAt(y, n);
      eachColumn(shape, all, lanes, [&](int64_t column, int64_t place) {
        for (int64_t o = 0; o < outputs; ++o) out[place + o] += sums[static_cast<size_t>(column + o)];
      });
    }
  });
  return y;
}

UpGradients upColumnsBackward(const UpShape& shape, const Tensor& x, const Tensor& weight, const Tensor& dy,
                              bool wantX, bool wantWeight) {
  const int64_t places = shape.height * shape.width, columns = shape.taps() * shape.outputs;
  const int64_t lanes = lanesOf(columns), panels = panelsOf(columns), outputs = shape.outputs;
  const Tensor factors = panelled(columnsOf(weight).t());  // (panels of C, K L O, kPanel)
  const Shares shares(shape.images);
  const Tensor dx = wantX ? emptyRows(shape, shape.height, shape.width, shape.inputs, x) : Tensor();
  const Tensor sums =
      wantWeight ? at::zeros({shares.count, panels, shape.inputs, kPanel}, x.options()) : Tensor();
  const std::vector<Meeting> all = meetings(shape);
  shares.each([&](int64_t share, int64_t first, int64_t end) {
    std::vector<float> given(static_cast<size_t>(places * lanes));
    for (int64_t n = first; n < end; ++n) {
      const float* from = dataAt(dy, n);
      eachColumn(shape, all, lanes, [&](int64_t column, int64_t place) {
        std::copy_n(from + place, outputs, given.data() + column);
      });
      for (int64_t panel = 0; wantX && panel < factors.size(0); ++panel) {
        const Terms terms{given.data(), lanes, dataAt(factors, panel), kPanel, columns};
        multiply(places, {&terms, 1},
                 {dataAt(dx, n) + panel * kPanel, dx.size(-1),
                  std::min(kPanel, shape.inputs - panel * kPanel), false});
      }
      for (int64_t panel = 0; wantWeight && panel < panels; ++panel) {
        const Terms terms{dataAt(x, n), shape.inputs, given.data() + panel * kPanel, lanes, places};
        multiplyTransposed(shape.inputs, {&terms, 1},
                           {dataAt(sums, share) + panel * sums.stride(1), kPanel,
                            std::min(kPanel, columns - panel * kPanel), true});
      }
    }
  });
  UpGradients gradients;
  if (wantX) gradients.x = withoutLanes(dx, shape.inputs);
  if (wantWeight) {
    gradients.weight = sums.sum(0)
                           .transpose(0, 1)
                           .reshape({shape.inputs, panels * kPanel})
                           .narrow(1, 0, columns)
                           .reshape({shape.inputs, shape.kernel[0], shape.kernel[1], outputs})
                           .permute({0, 3, 1, 2})
                           .contiguous();
  }
  return gradients;
}

}  // namespace

Tensor upPanels(const UpShape& shape, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (asColumns(shape)) return upColumns(shape, x, weight, bias);
  const Tensor factors =
      panelled(weight.permute({2, 3, 0, 1}).reshape({shape.taps(), shape.inputs, shape.outputs}));
  const Tensor y = emptyRows(shape, shape.outHeight, shape.outWidth, shape.outputs, x);
  const auto places = grouped(shape, shape.outHeight * shape.outWidth, &Meeting::out);
  sumPlaces(shape, places, &Meeting::in, x, factors, shape.inputs, data(bias), shape.outputs, y);
  return withoutLanes(y, shape.outputs);
}

UpGradients upPanelsBackward(const UpShape& shape, const Tensor& x, const Tensor& weight, const Tensor& dy,
                             bool wantX, bool wantWeight) {
  if (asColumns(shape)) return upColumnsBackward(shape, x, weight, dy, wantX, wantWeight);
  const Tensor given = withLanes(dy);
  UpGradients gradients;
  if (wantX) {
    const Tensor factors =
        panelled(weight.permute({2, 3, 1, 0}).reshape({shape.taps(), shape.outputs, shape.inputs}));
    const Tensor dx = emptyRows(shape, shape.height, shape.width, shape.inputs, x);
    const auto places = grouped(shape, shape.height * shape.width, &Meeting::in);
    sumPlaces(shape, places, &Meeting::out, given, factors, shape.outputs, nullptr, shape.inputs, dx);
    gradients.x = withoutLanes(dx, shape.inputs);
  }
  if (wantWeight) {
    const int64_t panels = panelsOf(shape.outputs);
    gradients.weight = sumTaps(shape, x, given)
                           .transpose(1, 2)
                           .reshape({shape.kernel[0], shape.kernel[1], shape.inputs, panels * kPanel})
                           .narrow(3, 0, shape.outputs)
                           .permute({2, 3, 0, 1})
                           .contiguous();
  }
  return gradients;
}

}  // namespace flowglyph::torch
