// See masks.hpp. The images are copied first, 784 bytes each: JavaScript may do with its array what it likes
// meanwhile.
#include "masks.hpp"

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "errors.hpp"
#include "image/image_masker.hpp"
#include "promise_worker.hpp"

namespace flowglyph::napi {
namespace {

template <std::size_t kCount>
Napi::Object countsByName(Napi::Env env, const std::array<std::string_view, kCount>& names,
                          const std::array<std::uint64_t, kCount>& counts) {
  auto object = Napi::Object::New(env);
  for (std::size_t i = 0; i < kCount; ++i)
    if (counts[i] != 0) object.Set(std::string(names[i]), static_cast<double>(counts[i]));
  return object;
}

class MaskWorker final : public PromiseWorker {
 public:
  explicit MaskWorker(const Napi::CallbackInfo& info)
      : PromiseWorker(info.Env(), "flowglyph.images.mask", "ERR_ARGUMENT") {
    if (!info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
      throw NativeError("ERR_ARGUMENT", "Expected images to be a Uint8Array");
    const auto images = info[0].As<Napi::Uint8Array>();
    if (images.ElementLength() % kImageBytes != 0)
      throw NativeError("ERR_ARGUMENT", "Expected images of 784 bytes each");
    if (!info[1].IsObject()) throw NativeError("ERR_ARGUMENT", "Expected options to be an object");
    const auto options = info[1].As<Napi::Object>();
    options_.view = static_cast<View>(readInteger(options.Get("view"), "view", 0, 2));
    options_.mask = static_cast<Mask>(readInteger(options.Get("mask"), "mask", 0, 2));
    options_.decap = static_cast<TunnelSet>(readInteger(options.Get("decap"), "decap", 0, kAllTunnels));
    options_.protocols = readProtocols(options.Get("protocols"));
    threads_ = static_cast<unsigned>(readInteger(options.Get("threads"), "threads", 1, kMaxThreads));
    images_.assign(images.Data(), images.Data() + images.ElementLength());
  }

 protected:
  void compute() override {
    outcomes_.resize(images_.size() / kImageBytes);
    counts_ = maskImages(images_, outcomes_, options_, threads_);
  }

  Napi::Value deliver(Napi::Env env) override {
    auto images = Napi::Uint8Array::New(env, images_.size());
    if (!images_.empty()) std::memcpy(images.Data(), images_.data(), images_.size());
    auto outcomes = Napi::Uint8Array::New(env, outcomes_.size());
    if (!outcomes_.empty()) std::memcpy(outcomes.Data(), outcomes_.data(), outcomes_.size());
    auto result = Napi::Object::New(env);
    result.Set("images", images);
    result.Set("outcomes", outcomes);
    result.Set("outcomeCounts", countsByName(env, kMaskOutcomeNames, counts_.images));
    result.Set("hidden", countsByName(env, kSkipReasonNames, counts_.hidden));
    result.Set("packets", static_cast<double>(counts_.packets));
    result.Set("cutPackets", static_cast<double>(counts_.cutPackets));
    result.Set("undecidedTunnels", static_cast<double>(counts_.undecidedTunnels));
    return result;
  }

 private:
  static_assert(sizeof(MaskOutcome) == 1);
  std::vector<std::uint8_t> images_;
  std::vector<MaskOutcome> outcomes_;
  MaskOptions options_;
  unsigned threads_ = 1;
  MaskCounts counts_;
};

// maskImages(images: Uint8Array, options: {view: number, mask: number, decap: number, protocols: number[],
//   threads: number}): Promise<{images: Uint8Array, outcomes: Uint8Array, outcomeCounts, hidden:
//   Record<string, number>, packets: number, cutPackets: number, undecidedTunnels: number}>
Napi::Value maskImagesCall(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), "ERR_ARGUMENT",
                 [&]() -> Napi::Value { return PromiseWorker::start(std::make_unique<MaskWorker>(info)); });
}

}  // namespace

void exportMasks(Napi::Env env, Napi::Object exports) {
  exports.Set("maskImages", Napi::Function::New(env, maskImagesCall, "maskImages"));
}

}  // namespace flowglyph::napi
