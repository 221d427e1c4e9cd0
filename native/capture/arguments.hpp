// Reads the plain values that JavaScript passes. src/capture has checked them for the user; here wrong types
// and impossible values are refused once more, because memory safety is never the caller's job.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "napi_include.hpp"
#include "options.hpp"
#include "session_batch.hpp"

namespace flowglyph::napi {

struct OpenArguments {
  std::vector<std::string> paths;
  ExtractOptions options;
  BatchLayout layout{1};
  bool countOnly = false;
};

// Throws NativeError (ERR_ARGUMENT).
OpenArguments readOpenArguments(const Napi::CallbackInfo& info);

// The layout of a batch of `capacity` rows with sequences of `sequence` steps. Refuses what would not fit in
// memory: V8 ends the process where it cannot allocate. Throws NativeError (ERR_ARGUMENT).
BatchLayout readLayout(const Napi::Value& capacity, const Napi::Value& sequence);

// An array of IP protocol numbers; throws NativeError (ERR_ARGUMENT).
ProtocolSet readProtocols(const Napi::Value& value);

inline constexpr double kMaxThreads = 64;

// An integer in [minimum, maximum]; throws NativeError (ERR_ARGUMENT).
double readInteger(const Napi::Value& value, const char* name, double minimum, double maximum);

}  // namespace flowglyph::napi
