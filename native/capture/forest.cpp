// See forest.hpp. What a job reads is copied first, 784 bytes an image: JavaScript may do with its arrays
// what it likes meanwhile.
#include "forest/forest.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "errors.hpp"
#include "forest.hpp"
#include "job_worker.hpp"
#include "typed_arrays.hpp"

namespace flowglyph::napi {
namespace {

class GrowWorker final : public JobWorker {
 public:
  GrowWorker(const Napi::CallbackInfo& info)
      : JobWorker(info, "flowglyph.forest.grow", info[3]),
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
    trees.Set("sizes", arrayOf<Napi::Int32Array>(env, sizes_));
    trees.Set("child", arrayOf<Napi::Int32Array>(env, child_));
    trees.Set("test", arrayOf<Napi::Int32Array>(env, test_));
    trees.Set("shares", arrayOf<Napi::Int32Array>(env, shares_));
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

class AskWorker final : public JobWorker {
 public:
  AskWorker(const Napi::CallbackInfo& info)
      : JobWorker(info, "flowglyph.forest.ask", info[3]),
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

  Napi::Value deliver(Napi::Env env) override { return arrayOf<Napi::Float32Array>(env, probabilities_); }

 private:
  std::vector<std::uint8_t> images_;
  std::vector<std::int32_t> sizes_, child_, test_, shares_;
  std::size_t features_ = 0;
  std::size_t classes_ = 0;
  unsigned threads_ = 1;
  std::vector<float> probabilities_;
};

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
  exports.Set("growForest", Napi::Function::New(env, growForest, "growForest"));
  exports.Set("askForest", Napi::Function::New(env, askForest, "askForest"));
}

}  // namespace flowglyph::napi
