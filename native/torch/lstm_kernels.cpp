// Loops without a branch or a call, which the compiler turns into vector code, once for each width of
// vectors; the dynamic linker picks the widest that the processor has.
#include "lstm_kernels.hpp"

#include <bit>
#include <cstdint>

#include "vector_loops.hpp"

namespace flowglyph::torch {

namespace {

// exp(x) to 2 units in the last place, after Cephes (Moshier), expf: x = n ln 2 + r, exp(r) by a polynomial,
// 2^n by the exponent's bits. Beyond +-87 the result stays at its bound, which is 0 or 1 after a sigmoid.
[[gnu::always_inline]] inline float exponential(float x) {
  constexpr float kLog2E = 1.44269504088896341F;
  constexpr float kLn2High = 0.693359375F;
  constexpr float kLn2Low = -2.12194440e-4F;
  constexpr float kRounder = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer
  x = x < -87.0F ? -87.0F : (x > 87.0F ? 87.0F : x);
  const float n = (x * kLog2E + kRounder) - kRounder;
  const float r = (x - n * kLn2High) - n * kLn2Low;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  return p * std::bit_cast<float>((static_cast<int32_t>(n) + 127) << 23);
}

[[gnu::always_inline]] inline float sigmoid(float x) { return 1.0F / (1.0F + exponential(-x)); }

// Absolute error below 2e-7.
[[gnu::always_inline]] inline float tanhOf(float x) { return 2.0F / (1.0F + exponential(-2.0F * x)) - 1.0F; }

[[gnu::always_inline]] inline void step(int64_t sequences, int64_t units, Gates gates, const float* bias,
                                        const float* previousCell, float* cell, float* tanhCell,
                                        int64_t cellStride, float* state, int64_t stateStride) {
  const float* bi = bias;
  const float* bf = bi + gates.distance;
  const float* bg = bf + gates.distance;
  const float* bo = bg + gates.distance;
  for (int64_t n = 0; n < sequences; ++n) {
    float* i = gates.data + n * gates.stride;
    float* f = i + gates.distance;
    float* g = f + gates.distance;
    float* o = g + gates.distance;
    const float* before = previousCell + n * cellStride;
    float* c = cell + n * cellStride;
    float* t = tanhCell + n * cellStride;
    float* h = state + n * stateStride;
    FLOWGLYPH_INDEPENDENT
    for (int64_t j = 0; j < units; ++j) {
      i[j] = sigmoid(i[j] + bi[j]);
      f[j] = sigmoid(f[j] + bf[j]);
      g[j] = tanhOf(g[j] + bg[j]);
      o[j] = sigmoid(o[j] + bo[j]);
      c[j] = f[j] * before[j] + i[j] * g[j];
      t[j] = tanhOf(c[j]);
      h[j] = o[j] * t[j];
    }
  }
}

[[gnu::always_inline]] inline void stepBackward(int64_t sequences, int64_t units, Gates gates,
                                                float* gateGradients, const float* previousCell,
                                                const float* tanhCell, int64_t cellStride, GradientRows above,
                                                GradientRows next, float* cellGradient, float* biasGradient) {
  const int64_t distance = gates.distance;
  float* bi = biasGradient;
  float* bf = bi + distance;
  float* bg = bf + distance;
  float* bo = bg + distance;
  for (int64_t n = 0; n < sequences; ++n) {
    const float* i = gates.data + n * gates.stride;
    const float* f = i + distance;
    const float* g = f + distance;
    const float* o = g + distance;
    float* gradientI = gateGradients + n * gates.stride;
    float* gradientF = gradientI + distance;
    float* gradientG = gradientF + distance;
    float* gradientO = gradientG + distance;
    const float* before = previousCell + n * cellStride;
    const float* t = tanhCell + n * cellStride;
    const float* da = above.data + n * above.stride;
    const float* dn = next.data + n * next.stride;
    float* dc = cellGradient + n * cellStride;
    FLOWGLYPH_INDEPENDENT
    for (int64_t j = 0; j < units; ++j) {
      const float dh = da[j] + dn[j];
      const float d = dc[j] + dh * o[j] * (1.0F - t[j] * t[j]);
      const float di = d * g[j] * i[j] * (1.0F - i[j]);
      const float df = d * before[j] * f[j] * (1.0F - f[j]);
      const float dg = d * i[j] * (1.0F - g[j] * g[j]);
      const float dO = dh * t[j] * o[j] * (1.0F - o[j]);
      dc[j] = d * f[j];
      gradientI[j] = di;
      gradientF[j] = df;
      gradientG[j] = dg;
      gradientO[j] = dO;
      bi[j] += di;
      bf[j] += df;
      bg[j] += dg;
      bo[j] += dO;
    }
  }
}

// As many units as a panel has of each gate: a count that the compiler knows saves a tenth of a step.
constexpr int64_t kUsualUnits = 16;

}  // namespace

FLOWGLYPH_VECTOR_WIDTHS
void lstmStep(int64_t sequences, int64_t units, Gates gates, const float* bias, const float* previousCell,
              float* cell, float* tanhCell, int64_t cellStride, float* state, int64_t stateStride) {
  if (units == kUsualUnits) {
    step(sequences, kUsualUnits, gates, bias, previousCell, cell, tanhCell, cellStride, state, stateStride);
  } else {
    step(sequences, units, gates, bias, previousCell, cell, tanhCell, cellStride, state, stateStride);
  }
}

FLOWGLYPH_VECTOR_WIDTHS
void lstmStepBackward(int64_t sequences, int64_t units, Gates gates, float* gateGradients,
                      const float* previousCell, const float* tanhCell, int64_t cellStride,
                      GradientRows above, GradientRows next, float* cellGradient, float* biasGradient) {
  if (units == kUsualUnits) {
    stepBackward(sequences, kUsualUnits, gates, gateGradients, previousCell, tanhCell, cellStride, above,
                 next, cellGradient, biasGradient);
  } else {
    stepBackward(sequences, units, gates, gateGradients, previousCell, tanhCell, cellStride, above, next,
                 cellGradient, biasGradient);
  }
}

}  // namespace flowglyph::torch
