// Core's tables as plain JavaScript values: the summary of a reading, the columns of a batch, the names.
#pragma once

#include "extractor.hpp"
#include "napi_include.hpp"
#include "session_batch.hpp"

namespace flowglyph::napi {

// NativeSummary of bindings/capture/addon.ts.
Napi::Object summaryObject(Napi::Env env, const ExtractSummary& summary);

// ColumnLayout[] of bindings/capture/addon.ts, in the order of kColumnTable.
Napi::Array columnsArray(Napi::Env env, const BatchLayout& layout);

// NativeNames of bindings/capture/addon.ts.
Napi::Object namesObject(Napi::Env env);

}  // namespace flowglyph::napi
