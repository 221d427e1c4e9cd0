// See words.hpp.
#include "logistic/logistic.hpp"

#include "arguments.hpp"
#include "job_worker.hpp"
#include "typed_arrays.hpp"
#include "words.hpp"

namespace flowglyph::napi {
namespace {

double positive(const Napi::Value& value, const char* name) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : 0;
  if (!(number > 0)) throw NativeError("ERR_ARGUMENT", std::string("Expected ") + name + " to be positive");
  return number;
}

class LogisticWorker final : public JobWorker {
 public:
  explicit LogisticWorker(const Napi::CallbackInfo& info)
      : JobWorker(info, "flowglyph.logistic.fit", info[3]),
        features_(copyOf<Napi::Float32Array>(info[0], "features")),
        labels_(copyOf<Napi::Int32Array>(info[1], "labels")) {
    if (!info[2].IsObject()) throw NativeError("ERR_ARGUMENT", "Expected options to be an object");
    const auto options = info[2].As<Napi::Object>();
    classes_ = static_cast<std::size_t>(readInteger(options.Get("classes"), "classes", 2, kMaxClasses));
    threads_ = static_cast<unsigned>(readInteger(options.Get("threads"), "threads", 1, kMaxThreads));
    search_.iterations =
        static_cast<std::uint32_t>(readInteger(options.Get("iterations"), "iterations", 1, 1000000));
    c_ = positive(options.Get("c"), "c");
    search_.tolerance = positive(options.Get("tolerance"), "tolerance");
  }

 protected:
  void work() override {
    model_ = fitLogistic({features_, labels_, classes_, c_}, search_, threads_, *control_);
  }

  Napi::Value deliver(Napi::Env env) override {
    auto model = Napi::Object::New(env);
    model.Set("weight", arrayOf<Napi::Float32Array>(env, model_.weight));
    model.Set("bias", arrayOf<Napi::Float32Array>(env, model_.bias));
    model.Set("objective", model_.minimum.value);
    model.Set("iterations", static_cast<double>(model_.minimum.iterations));
    model.Set("converged", model_.minimum.converged);
    return model;
  }

 private:
  std::vector<float> features_;
  std::vector<std::int32_t> labels_;
  std::size_t classes_ = 2;
  double c_ = 100;
  unsigned threads_ = 1;
  MinimiserOptions search_;
  LogisticModel model_;
};

// fitLogistic(features: Float32Array, labels: Int32Array, options: {classes, c, iterations, tolerance,
// threads:
//   number}, control): Promise<{weight, bias: Float32Array, objective, iterations: number, converged:
//   boolean}>
Napi::Value fitLogisticCall(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), "ERR_ARGUMENT", [&]() -> Napi::Value {
    return PromiseWorker::start(std::make_unique<LogisticWorker>(info));
  });
}

}  // namespace

void exportLogistic(Napi::Env env, Napi::Object exports) {
  exports.Set("fitLogistic", Napi::Function::New(env, fitLogisticCall, "fitLogistic"));
}

}  // namespace flowglyph::napi
