// See pairs.hpp. What a job reads is copied first: JavaScript may do with its arrays what it likes meanwhile.
#include "pairs.hpp"

#include <utility>

#include "arguments.hpp"
#include "job_worker.hpp"
#include "pairs/pair_matrix.hpp"
#include "pairs/pair_table.hpp"
#include "typed_arrays.hpp"

namespace flowglyph::napi {
namespace {

Napi::Object objectOf(const Napi::Value& value) {
  if (!value.IsObject()) throw NativeError("ERR_ARGUMENT", "Expected options to be an object");
  return value.As<Napi::Object>();
}

class FitWorker final : public JobWorker {
 public:
  explicit FitWorker(const Napi::CallbackInfo& info) : JobWorker(info, "flowglyph.pairs.fit", info[3]) {
    const auto images = typedArray<Napi::Uint8Array>(info[0], "images");
    const auto rows = typedArray<Napi::Uint32Array>(info[1], "rows");
    const auto options = objectOf(info[2]);
    options_.dimensions =
        static_cast<std::size_t>(readInteger(options.Get("dimensions"), "dimensions", 1, kMaxDimensions));
    options_.seed = static_cast<std::uint64_t>(readInteger(options.Get("seed"), "seed", 0, kMaxInteger));
    options_.positions =
        static_cast<Positions>(readInteger(options.Get("positions"), "positions", 0, kMaxPositions));
    threads_ = static_cast<unsigned>(readInteger(options.Get("threads"), "threads", 1, kMaxThreads));
    const std::size_t sessions = images.ElementLength() / kSessionBytes;
    if (rows.ElementLength() > kMaxSessions) throw NativeError("ERR_ARGUMENT", "Expected at most 65536 rows");
    images_.reserve(rows.ElementLength() * kSessionBytes);
    for (std::size_t i = 0; i < rows.ElementLength(); ++i) {
      const std::size_t row = rows[i];
      if (row >= sessions) throw NativeError("ERR_ARGUMENT", "Expected rows that the images have");
      const std::uint8_t* image = images.Data() + row * kSessionBytes;
      images_.insert(images_.end(), image, image + kSessionBytes);
    }
  }

 protected:
  void work() override { table_ = fitPairTable(images_, options_, threads_, *control_); }
  Napi::Value deliver(Napi::Env env) override { return arrayOf<Napi::Float32Array>(env, table_); }

 private:
  std::vector<std::uint8_t> images_;
  PairTableOptions options_;
  unsigned threads_ = 1;
  std::vector<float> table_;
};

class FactorsWorker final : public JobWorker {
 public:
  explicit FactorsWorker(const Napi::CallbackInfo& info)
      : JobWorker(info, "flowglyph.pairs.factors", info[3]),
        images_(copyOf<Napi::Uint8Array>(info[0], "images")),
        table_(copyOf<Napi::Float32Array>(info[1], "table")) {
    const auto options = objectOf(info[2]);
    positions_ = static_cast<Positions>(readInteger(options.Get("positions"), "positions", 0, kMaxPositions));
    threads_ = static_cast<unsigned>(readInteger(options.Get("threads"), "threads", 1, kMaxThreads));
  }

 protected:
  void work() override {
    factors_ = pairFactors(images_, table_, table_.size() / kWords, positions_, threads_, *control_);
  }
  Napi::Value deliver(Napi::Env env) override { return arrayOf<Napi::Float32Array>(env, factors_); }

 private:
  std::vector<std::uint8_t> images_;
  std::vector<float> table_;
  Positions positions_ = 0;
  unsigned threads_ = 1;
  std::vector<float> factors_;
};

// fitPairTable(images: Uint8Array, rows: Uint32Array, options: {dimensions, seed, positions, threads:
// number}, control):
//   Promise<Float32Array>
Napi::Value fitPairTableCall(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), "ERR_ARGUMENT",
                 [&]() -> Napi::Value { return PromiseWorker::start(std::make_unique<FitWorker>(info)); });
}

// pairFactors(images: Uint8Array, table: Float32Array, options: {positions, threads: number}, control):
//   Promise<Float32Array>
Napi::Value pairFactorsCall(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), "ERR_ARGUMENT", [&]() -> Napi::Value {
    return PromiseWorker::start(std::make_unique<FactorsWorker>(info));
  });
}

}  // namespace

void exportPairs(Napi::Env env, Napi::Object exports) {
  exports.Set("fitPairTable", Napi::Function::New(env, fitPairTableCall, "fitPairTable"));
  exports.Set("pairFactors", Napi::Function::New(env, pairFactorsCall, "pairFactors"));
}

}  // namespace flowglyph::napi
