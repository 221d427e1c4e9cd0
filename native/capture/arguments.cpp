// See arguments.hpp.
#include "arguments.hpp"

#include <cmath>
#include <cstdint>
#include <string>

#include "errors.hpp"

namespace flowglyph::napi {
namespace {

// A batch of this many sessions is near 1 GiB.
constexpr double kMaxBatchSize = 1 << 20;

[[noreturn]] void refuse(const std::string& name, const std::string& expected) {
  throw NativeError("ERR_ARGUMENT", "Expected " + name + " to be " + expected);
}

std::uint64_t readNanoseconds(const Napi::Value& value, const char* name) {
  if (!value.IsBigInt()) refuse(name, "a BigInt of nanoseconds");
  bool lossless = false;
  const std::int64_t nanoseconds = value.As<Napi::BigInt>().Int64Value(&lossless);
  if (!lossless || nanoseconds < 0) refuse(name, "nanoseconds from 0 to 2^63 - 1");
  return static_cast<std::uint64_t>(nanoseconds);
}

}  // namespace

double readInteger(const Napi::Value& value, const char* name, double minimum, double maximum) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  if (!(number >= minimum && number <= maximum) || number != std::floor(number)) {
    refuse(name, "an integer from " + std::to_string(static_cast<std::int64_t>(minimum)) + " to " +
                     std::to_string(static_cast<std::int64_t>(maximum)));
  }
  return number;
}

OpenArguments readOpenArguments(const Napi::CallbackInfo& info) {
  if (info.Length() < 2 || !info[0].IsArray() || !info[1].IsObject())
    refuse("open's arguments", "(paths, options)");
  OpenArguments result;
  const auto paths = info[0].As<Napi::Array>();
  for (std::uint32_t i = 0; i < paths.Length(); ++i) {
    const Napi::Value path = paths.Get(i);
    if (!path.IsString()) refuse("paths[" + std::to_string(i) + "]", "a string");
    result.paths.push_back(path.As<Napi::String>().Utf8Value());
    if (result.paths.back().find('\0') != std::string::npos) refuse("a path", "free of NUL characters");
  }
  const auto options = info[1].As<Napi::Object>();
  result.options.view = static_cast<View>(readInteger(options.Get("view"), "view", 0, 2));
  result.options.mask = static_cast<Mask>(readInteger(options.Get("mask"), "mask", 0, 2));
  result.options.idleTimeoutNs = readNanoseconds(options.Get("idleTimeoutNs"), "idleTimeoutNs");
  result.options.activeTimeoutNs = readNanoseconds(options.Get("activeTimeoutNs"), "activeTimeoutNs");
  result.options.memoryBytes =
      static_cast<std::size_t>(readInteger(options.Get("memoryBytes"), "memoryBytes", 1, 9007199254740991.0));
  result.batchSize =
      static_cast<std::size_t>(readInteger(options.Get("batchSize"), "batchSize", 1, kMaxBatchSize));
  result.countOnly = options.Get("countOnly").ToBoolean();
  return result;
}

}  // namespace flowglyph::napi
