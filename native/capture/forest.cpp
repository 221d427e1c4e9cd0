// See forest.hpp. What a job reads is copied first, 784 bytes an image: JavaScript may do with its arrays
// what it likes meanwhile.
#include "forest/forest.hpp"

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "errors.hpp"
#include "forest.hpp"
#include "promise_worker.hpp"
#include "type_tags.hpp"

namespace flowglyph::napi {
namespace {

constexpr double kMaxThreads = 64;
constexpr double kMaxInteger = 9007199254740991.0;

using SharedControl = std::shared_ptr<ForestControl>;

template <typename Array>
struct Element;
template <>
struct Element<Napi::Uint8Array> {
  using Type = std::uint8_t;
  static constexpr napi_typedarray_type kType = napi_uint8_array;
};
template <>
struct Element<Napi::Int32Array> {
  using Type = std::int32_t;
  static constexpr napi_typedarray_type kType = napi_int32_array;
};

template <typename Array>
auto copyOf(const Napi::Value& value, const char* name) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != Element<Array>::kType) {
    throw NativeError("ERR_ARGUMENT", std::string("Expected ") + name + " to be a typed array of its kind");
  }
  const auto array = value.As<Array>();
  return std::vector<typename Element<Array>::Type>(array.Data(), array.Data() + array.ElementLength());
}

Napi::Int32Array arrayOf(Napi::Env env, const std::vector<std::int32_t>& values) {
  auto array = Napi::Int32Array::New(env, values.size());
  if (!values.empty()) std::memcpy(array.Data(), values.data(), values.size() * sizeof(std::int32_t));
  return array;
}

SharedControl controlOf(const Napi::Value& value) {
  if (!value.IsExternal() || !value.As<Napi::External<SharedControl>>().CheckTypeTag(&kForestControlTag)) {
    throw NativeError("ERR_ARGUMENT", "Expected a forest control");
  }
  return *value.As<Napi::External<SharedControl>>().Data();
}

// What core refuses is a wrong argument, and an aborted job says so, whatever it came to.
class ForestWorker : public PromiseWorker {
 protected:
  ForestWorker(Napi::Env env, const char* name, SharedControl control)
      : PromiseWorker(env, name, "ERR_ARGUMENT"), control_(std::move(control)) {}

  virtual void work() = 0;

  void compute() final {
    work();
    if (control_->stop) throw NativeError("ERR_ABORTED", "Computing with trees was aborted");
  }

  SharedControl control_;
};

class GrowWorker final : public ForestWorker {
 public:
  GrowWorker(const Napi::CallbackInfo& info)
      : ForestWorker(info.Env(), "flowglyph.forest.grow", controlOf(info[3])),
        images_(copyOf<Napi::Uint8Array>(info[0], "images")),
        labels_(copyOf<Napi::Int32Array>(info[1], "labels")) {
    if (!info[2].IsObject()) throw NativeError("ERR_ARGUMENT", "Expected options to be an object");
    const auto options = info[2].As<Napi::Object>();
    const auto integer = [&](const char* name, double least, double most) {
      return readInteger(options.Get(name), name, least, most);
    };
    features_ = static_cast<std::size_t>(integer("features", 1, 65535));
    classes_ = static_cast<std::size_t>(integer("classes", 1, 65535));
    first_ = static_cast<std::uint32_t>(integer("first", 0, kMaxTrees - 1));
    count_ = static_cast<std::uint32_t>(integer("count", 1, kMaxTrees - first_));
    threads_ = static_cast<unsigned>(integer("threads", 1, kMaxThreads));
    options_.seed = static_cast<std::uint64_t>(integer("seed", 0, kMaxInteger));
    options_.tries = static_cast<std::size_t>(integer("tries", 1, 65535));
    options_.constants =
        options.Get("skipConstants").ToBoolean() ? ConstantFeatures::skipped : ConstantFeatures::counted;
  }

 protected:
  void work() override {
    const TrainingSet set(images_, labels_, features_, classes_);
    images_ = {};
    for (const Tree& tree : growTrees(set, options_, first_, count_, threads_, *control_)) {
      sizes_.push_back(static_cast<std::int32_t>(tree.child.size()));
      sizes_.push_back(static_cast<std::int32_t>(tree.shares.size() / classes_));
      child_.insert(child_.end(), tree.child.begin(), tree.child.end());
      test_.insert(test_.end(), tree.test.begin(), tree.test.end());
      shares_.insert(shares_.end(), tree.shares.begin(), tree.shares.end());
    }
  }

  Napi::Value deliver(Napi::Env env) override {
    auto trees = Napi::Object::New(env);
    trees.Set("sizes", arrayOf(env, sizes_));
    trees.Set("child", arrayOf(env, child_));
    trees.Set("test", arrayOf(env, test_));
    trees.Set("shares", arrayOf(env, shares_));
    return trees;
  }

 private:
  std::vector<std::uint8_t> images_;
  std::vector<std::int32_t> labels_;
  std::size_t features_ = 0;
  std::size_t classes_ = 0;
  std::uint32_t first_ = 0;
  std::uint32_t count_ = 0;
  unsigned threads_ = 1;
  GrowOptions options_;
  std::vector<std::int32_t> sizes_, child_, test_, shares_;
};

class AskWorker final : public ForestWorker {
 public:
  AskWorker(const Napi::CallbackInfo& info)
      : ForestWorker(info.Env(), "flowglyph.forest.ask", controlOf(info[3])),
        images_(copyOf<Napi::Uint8Array>(info[1], "images")) {
    if (!info[0].IsObject() || !info[2].IsObject()) {
      throw NativeError("ERR_ARGUMENT", "Expected trees and options to be objects");
    }
    const auto trees = info[0].As<Napi::Object>();
    sizes_ = copyOf<Napi::Int32Array>(trees.Get("sizes"), "sizes");
    child_ = copyOf<Napi::Int32Array>(trees.Get("child"), "child");
    test_ = copyOf<Napi::Int32Array>(trees.Get("test"), "test");
    shares_ = copyOf<Napi::Int32Array>(trees.Get("shares"), "shares");
    const auto options = info[2].As<Napi::Object>();
    features_ = static_cast<std::size_t>(readInteger(options.Get("features"), "features", 1, 65535));
    classes_ = static_cast<std::size_t>(readInteger(options.Get("classes"), "classes", 1, 65535));
    threads_ = static_cast<unsigned>(readInteger(options.Get("threads"), "threads", 1, kMaxThreads));
  }

 protected:
  void work() override {
    const Forest forest({sizes_, child_, test_, shares_, features_, classes_});
    probabilities_.resize(images_.size() / features_ * classes_);
    forest.predict(images_, probabilities_, threads_, *control_);
  }

  Napi::Value deliver(Napi::Env env) override {
    auto array = Napi::Float32Array::New(env, probabilities_.size());
    if (!probabilities_.empty())
      std::memcpy(array.Data(), probabilities_.data(), probabilities_.size() * sizeof(float));
    return array;
  }

 private:
  std::vector<std::uint8_t> images_;
  std::vector<std::int32_t> sizes_, child_, test_, shares_;
  std::size_t features_ = 0;
  std::size_t classes_ = 0;
  unsigned threads_ = 1;
  std::vector<float> probabilities_;
};

// forestControl(): ForestControl
Napi::Value forestControl(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), "ERR_ARGUMENT", [&]() -> Napi::Value {
    auto control = std::make_unique<SharedControl>(std::make_shared<ForestControl>());
    auto external = Napi::External<SharedControl>::New(
        info.Env(), control.get(),
        [](Napi::BasicEnv, SharedControl* data) { const std::unique_ptr<SharedControl> owned(data); });
    control.release();
    external.TypeTag(&kForestControlTag);
    return external;
  });
}

// forestDone(control): number
Napi::Value forestDone(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), "ERR_ARGUMENT", [&]() -> Napi::Value {
    return Napi::Number::New(info.Env(), controlOf(info[0])->done.load());
  });
}

// abortForest(control): void
void abortForest(const Napi::CallbackInfo& info) {
  guarded(info.Env(), "ERR_ARGUMENT", [&] { controlOf(info[0])->stop = true; });
}

// growForest(images: Uint8Array, labels: Int32Array, options: {features, classes, first, count, seed, tries,
//   threads: number, skipConstants: boolean}, control): Promise<{sizes, child, test, shares: Int32Array}>
Napi::Value growForest(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), "ERR_ARGUMENT",
                 [&]() -> Napi::Value { return PromiseWorker::start(std::make_unique<GrowWorker>(info)); });
}

// askForest(trees: {sizes, child, test, shares: Int32Array}, images: Uint8Array, options: {features, classes,
//   threads: number}, control): Promise<Float32Array>
Napi::Value askForest(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), "ERR_ARGUMENT",
                 [&]() -> Napi::Value { return PromiseWorker::start(std::make_unique<AskWorker>(info)); });
}

}  // namespace

void exportForest(Napi::Env env, Napi::Object exports) {
  exports.Set("forestControl", Napi::Function::New(env, forestControl, "forestControl"));
  exports.Set("forestDone", Napi::Function::New(env, forestDone, "forestDone"));
  exports.Set("abortForest", Napi::Function::New(env, abortForest, "abortForest"));
  exports.Set("growForest", Napi::Function::New(env, growForest, "growForest"));
  exports.Set("askForest", Napi::Function::New(env, askForest, "askForest"));
}

}  // namespace flowglyph::napi
