// Pair tables and logistic regression over Node-API, as jobs on libuv threads. Mirrors
// bindings/capture/words.ts and bindings/capture/logistic.ts.
#pragma once

#include "napi_include.hpp"

namespace flowglyph::napi {

// Adds fitWordTable and wordSums.
void exportWords(Napi::Env env, Napi::Object exports);

// Adds fitLogistic.
void exportLogistic(Napi::Env env, Napi::Object exports);

}  // namespace flowglyph::napi
