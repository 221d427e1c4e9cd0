// Reads the plain values that JavaScript passes. src/capture has checked them for the user; here wrong types
// and impossible values are refused once more, because memory safety is never the caller's job.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "napi_include.hpp"
#include "options.hpp"

namespace flowglyph::napi {

struct OpenArguments {
  std::vector<std::string> paths;
  ExtractOptions options;
  std::size_t batchSize = 0;
  bool countOnly = false;
};

// Throws NativeError (ERR_ARGUMENT).
OpenArguments readOpenArguments(const Napi::CallbackInfo& info);

// An integer in [minimum, maximum]; throws NativeError (ERR_ARGUMENT).
double readInteger(const Napi::Value& value, const char* name, double minimum, double maximum);

}  // namespace flowglyph::napi
