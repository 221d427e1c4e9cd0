// Trees over Node-API: growing and asking them, as jobs on libuv threads. Mirrors bindings/capture/forest.ts.
#pragma once

#include "napi_include.hpp"

namespace flowglyph::napi {

// Adds growForest and askForest.
void exportForest(Napi::Env env, Napi::Object exports);

}  // namespace flowglyph::napi
