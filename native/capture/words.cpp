// See words.hpp. What a job reads is copied first: JavaScript may do with its arrays what it likes meanwhile.
#include "words.hpp"

#include <utility>

#include "arguments.hpp"
#include "job_worker.hpp"
#include "typed_arrays.hpp"
#include "words/word_matrix.hpp"
#include "words/word_table.hpp"

namespace flowglyph::napi {
namespace {

Napi::Object objectOf(const Napi::Value& value) {
  if (!value.IsObject()) throw NativeError("ERR_ARGUMENT", "Expected options to be an object");
  return value.As<Napi::Object>();
}

class FitWorker final : public JobWorker {
 public:
  explicit FitWorker(const Napi::CallbackInfo& info) : JobWorker(info, "flowglyph.words.fit", info[3]) {
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
  void work() override { table_ = fitWordTable(images_, options_, threads_, *control_); }
  Napi::Value deliver(Napi::Env env) override {
    auto table = Napi::Object::New(env);
    table.Set("words", arrayOf<Napi::Int32Array>(env, {table_.words.begin(), table_.words.end()}));
    table.Set("vectors", arrayOf<Napi::Float32Array>(env, table_.vectors));
    return table;
  }

 private:
  std::vector<std::uint8_t> images_;
  WordTableOptions options_;
  unsigned threads_ = 1;
  WordTable table_;
};

class SumsWorker final : public JobWorker {
 public:
  explicit SumsWorker(const Napi::CallbackInfo& info)
      : JobWorker(info, "flowglyph.words.sums", info[3]),
        images_(copyOf<Napi::Uint8Array>(info[0], "images")) {
    const auto table = objectOf(info[1]);
    for (const std::int32_t word : copyOf<Napi::Int32Array>(table.Get("words"), "words")) {
      if (word < 0 || word >= static_cast<std::int32_t>(kWords))
        throw NativeError("ERR_ARGUMENT", "Expected words from 0 to 65535");
      table_.words.push_back(static_cast<std::uint16_t>(word));
    }
    table_.vectors = copyOf<Napi::Float32Array>(table.Get("vectors"), "vectors");
    const auto options = objectOf(info[2]);
    dimensions_ =
        static_cast<std::size_t>(readInteger(options.Get("dimensions"), "dimensions", 1, kMaxDimensions));
    positions_ = static_cast<Positions>(readInteger(options.Get("positions"), "positions", 0, kMaxPositions));
    threads_ = static_cast<unsigned>(readInteger(options.Get("threads"), "threads", 1, kMaxThreads));
  }

 protected:
  void work() override { sums_ = wordSums(images_, table_, dimensions_, positions_, threads_, *control_); }
  Napi::Value deliver(Napi::Env env) override { return arrayOf<Napi::Float32Array>(env, sums_); }

 private:
  std::vector<std::uint8_t> images_;
  WordTable table_;
  std::size_t dimensions_ = 1;
  Positions positions_ = 0;
  unsigned threads_ = 1;
  std::vector<float> sums_;
};

// fitWordTable(images: Uint8Array, rows: Uint32Array, options: {dimensions, seed, positions, threads:
// number}, control):
//   Promise<{words: Int32Array, vectors: Float32Array}>
Napi::Value fitWordTableCall(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), "ERR_ARGUMENT",
                 [&]() -> Napi::Value { return PromiseWorker::start(std::make_unique<FitWorker>(info)); });
}

// wordSums(images: Uint8Array, table: {words: Int32Array, vectors: Float32Array}, options: {dimensions,
// positions, threads: number}, control):
//   Promise<Float32Array>
Napi::Value wordSumsCall(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), "ERR_ARGUMENT",
                 [&]() -> Napi::Value { return PromiseWorker::start(std::make_unique<SumsWorker>(info)); });
}

}  // namespace

void exportWords(Napi::Env env, Napi::Object exports) {
  exports.Set("fitWordTable", Napi::Function::New(env, fitWordTableCall, "fitWordTable"));
  exports.Set("wordSums", Napi::Function::New(env, wordSumsCall, "wordSums"));
}

}  // namespace flowglyph::napi
