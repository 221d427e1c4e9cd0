// One step of Adam over one array, in one pass. Knows neither libtorch nor Node-API.
#pragma once

#include <cstdint>

namespace flowglyph::torch {

struct AdamFactors {
  float gradient;  // every gradient is multiplied by it first
  float beta1;
  float beta2;
  float keep;            // what decay leaves of a parameter: 1 - learning rate * weight decay
  float step;            // learning rate / (1 - beta1^t)
  float rootCorrection;  // sqrt(1 - beta2^t)
  float epsilon;
};

// m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2,
// p = keep p - step m / (sqrt(v) / rootCorrection + epsilon)
void adamStep(int64_t count, float* parameter, const float* gradient, float* first, float* second,
              const AdamFactors& factors);

// average = average + share (values - average)
void averageStep(int64_t count, float* average, const float* values, float share);

// Sum of squares, in float64.
double sumOfSquares(int64_t count, const float* values);

}  // namespace flowglyph::torch
