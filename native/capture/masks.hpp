// Masking of images that exist, over Node-API. Mirrors bindings/capture/masks.ts.
#pragma once

#include "napi_include.hpp"

namespace flowglyph::napi {

// Adds maskImages.
void exportMasks(Napi::Env env, Napi::Object exports);

}  // namespace flowglyph::napi
