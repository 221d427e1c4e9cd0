#include "sequence_kernels.hpp"

#include <algorithm>
#include <bit>

#include "vector_loops.hpp"

namespace flowglyph::torch {

FLOWGLYPH_VECTOR_WIDTHS
void toBfloat16(int64_t count, const float* from, uint16_t* to) {
  FLOWGLYPH_INDEPENDENT
  for (int64_t i = 0; i < count; ++i) {
    const auto bits = std::bit_cast<uint32_t>(from[i]);
    to[i] = static_cast<uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
  }
}

FLOWGLYPH_VECTOR_WIDTHS
void addValues(int64_t count, const uint16_t* from, float* to) {
  FLOWGLYPH_INDEPENDENT
  for (int64_t i = 0; i < count; ++i) to[i] += std::bit_cast<float>(static_cast<uint32_t>(from[i]) << 16);
}

FLOWGLYPH_VECTOR_WIDTHS
void addBias(int64_t rows, int64_t columns, const uint16_t* from, const float* bias, float* to) {
  for (int64_t row = 0; row < rows; ++row) {
    const uint16_t* source = from + row * columns;
    float* target = to + row * columns;
    FLOWGLYPH_INDEPENDENT
    for (int64_t i = 0; i < columns; ++i) {
      target[i] = std::bit_cast<float>(static_cast<uint32_t>(source[i]) << 16) + bias[i];
    }
  }
}

FLOWGLYPH_VECTOR_WIDTHS
void addBias(int64_t rows, int64_t columns, const float* from, int64_t fromStride, const float* bias,
             float* to, int64_t toStride) {
  for (int64_t row = 0; row < rows; ++row) {
    const float* source = from + row * fromStride;
    float* target = to + row * toStride;
    FLOWGLYPH_INDEPENDENT
    for (int64_t i = 0; i < columns; ++i) target[i] = source[i] + bias[i];
  }
}

FLOWGLYPH_VECTOR_WIDTHS
void addRows(int64_t rows, int64_t columns, const float* from, float* sums) {
  for (int64_t row = 0; row < rows; ++row) {
    const float* source = from + row * columns;
    FLOWGLYPH_INDEPENDENT
    for (int64_t i = 0; i < columns; ++i) sums[i] += source[i];
  }
}

FLOWGLYPH_VECTOR_WIDTHS
void depthwise(int64_t steps, int64_t outputs, int64_t channels, const Taps& taps, const float* x,
               const float* weight, const float* bias, float* y) {
  for (int64_t t = 0; t < outputs; ++t) {
    float* out = y + t * channels;
    std::copy(bias, bias + channels, out);
    for (int64_t k = 0; k < taps.kernel; ++k) {
      const int64_t from = t * taps.stride + k * taps.dilation - taps.padding;
      if (from < 0 || from >= steps) continue;
      const float* source = x + from * channels;
      const float* factors = weight + k * channels;
      FLOWGLYPH_INDEPENDENT
      for (int64_t c = 0; c < channels; ++c) out[c] += factors[c] * source[c];
    }
  }
}

FLOWGLYPH_VECTOR_WIDTHS
void depthwiseBackward(int64_t steps, int64_t outputs, int64_t channels, const Taps& taps, const float* x,
                       const float* weight, const float* dy, float* dx, float* dWeight) {
  for (int64_t t = 0; t < outputs; ++t) {
    const float* gradient = dy + t * channels;
    for (int64_t k = 0; k < taps.kernel; ++k) {
      const int64_t from = t * taps.stride + k * taps.dilation - taps.padding;
      if (from < 0 || from >= steps) continue;
      const float* source = x + from * channels;
      const float* factors = weight + k * channels;
      float* target = dx + from * channels;
      float* sums = dWeight + k * channels;
      FLOWGLYPH_INDEPENDENT
      for (int64_t c = 0; c < channels; ++c) {
        target[c] += factors[c] * gradient[c];
        sums[c] += source[c] * gradient[c];
      }
    }
  }
}

FLOWGLYPH_VECTOR_WIDTHS
void maxPool(int64_t outputs, int64_t window, int64_t channels, const float* x, float* y, uint8_t* places) {
  for (int64_t t = 0; t < outputs; ++t) {
    const float* first = x + t * window * channels;
    float* out = y + t * channels;
    uint8_t* place = places + t * channels;
    std::copy(first, first + channels, out);
    std::fill(place, place + channels, uint8_t{0});
    for (int64_t k = 1; k < window; ++k) {
      const float* source = first + k * channels;
      const auto index = static_cast<uint8_t>(k);
      FLOWGLYPH_INDEPENDENT
      for (int64_t c = 0; c < channels; ++c) {
        // A NaN stays or comes in: an error must not be pooled away.
        const bool larger = source[c] > out[c] || source[c] != source[c];
        out[c] = larger ? source[c] : out[c];
        place[c] = larger ? index : place[c];
      }
    }
  }
}

FLOWGLYPH_VECTOR_WIDTHS
void maxPoolBackward(int64_t outputs, int64_t window, int64_t channels, const float* dy,
                     const uint8_t* places, float* dx) {
  for (int64_t t = 0; t < outputs; ++t) {
    const float* gradient = dy + t * channels;
    const uint8_t* place = places + t * channels;
    for (int64_t k = 0; k < window; ++k) {
      float* target = dx + (t * window + k) * channels;
      const auto index = static_cast<uint8_t>(k);
      FLOWGLYPH_INDEPENDENT
      for (int64_t c = 0; c < channels; ++c) target[c] = place[c] == index ? gradient[c] : 0.0F;
    }
  }
}

}  // namespace flowglyph::torch
