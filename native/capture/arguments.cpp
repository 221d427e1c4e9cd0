// See arguments.hpp.
#include "arguments.hpp"

#include <cmath>
#include <cstdint>
#include <string>

#include "errors.hpp"
#include "input/pushed_source.hpp"

namespace flowglyph::napi {
namespace {

// A batch of this many sessions is near 1 GiB; with sequences it takes fewer to get there.
constexpr double kMaxBatchSize = 1 << 20;
constexpr std::size_t kMaxBatchBytes = std::size_t{1} << 30;

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

ProtocolSet readProtocols(const Napi::Value& value) {
  if (!value.IsArray()) refuse("protocols", "an array of IP protocol numbers");
  const auto list = value.As<Napi::Array>();
  ProtocolSet set;
  for (std::uint32_t i = 0; i < list.Length(); ++i)
    set.add(static_cast<std::uint8_t>(readInteger(list.Get(i), "a protocol", 0, 255)));
  return set;
}

BatchLayout readLayout(const Napi::Value& capacity, const Napi::Value& sequence) {
  const BatchLayout layout(
      static_cast<std::size_t>(readInteger(capacity, "batchSize", 1, kMaxBatchSize)),
      static_cast<std::size_t>(readInteger(sequence, "sequence", 0, static_cast<double>(kMaxSequence))));
  if (layout.totalBytes > kMaxBatchBytes) {
    refuse("batchSize", "at most " + std::to_string(kMaxBatchBytes / (layout.totalBytes / layout.capacity)) +
                            " with a sequence of " + std::to_string(layout.sequence));
  }
  return layout;
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
  const auto integer = [&](const char* name, double minimum, double maximum) {
    return readInteger(options.Get(name), name, minimum, maximum);
  };
  ExtractOptions& extract = result.options;
  extract.view = static_cast<View>(integer("view", 0, 2));
  extract.mask = static_cast<Mask>(integer("mask", 0, 2));
  extract.order = static_cast<Order>(integer("order", 0, 1));
  extract.idleTimeoutNs = readNanoseconds(options.Get("idleTimeoutNs"), "idleTimeoutNs");
  extract.activeTimeoutNs = readNanoseconds(options.Get("activeTimeoutNs"), "activeTimeoutNs");
  extract.closeTimeoutNs = readNanoseconds(options.Get("closeTimeoutNs"), "closeTimeoutNs");
  extract.memoryBytes = static_cast<std::size_t>(integer("memoryBytes", 1, 9007199254740991.0));
  extract.threads = static_cast<unsigned>(integer("threads", 1, kMaxThreads));
  extract.decap = static_cast<TunnelSet>(integer("decap", 0, kAllTunnels));
  extract.protocols = readProtocols(options.Get("protocols"));
  extract.merge = options.Get("merge").ToBoolean();
  extract.follow = options.Get("follow").ToBoolean();
  extract.inputMethod = static_cast<InputMethod>(integer("inputMethod", 0, 1));
  extract.early = options.Get("early").ToBoolean();
  if (extract.early)
    extract.earlyPackets = static_cast<std::uint32_t>(integer("earlyPackets", 0, 4294967295.0));
  if (options.Get("pushed").ToBoolean()) {
    if (result.paths.size() != 1) refuse("paths", "one name, where the input is pushed");
    extract.pushed = std::make_shared<PushedBytes>();
  }
  result.layout = readLayout(options.Get("batchSize"), options.Get("sequence"));
  extract.sequence = result.layout.sequence;
  result.countOnly = options.Get("countOnly").ToBoolean();
  return result;
}

}  // namespace flowglyph::napi
