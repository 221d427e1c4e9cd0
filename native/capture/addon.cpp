// flowglyph_capture.node: Node-API over core. Here the functions over its Extractor and their TypeScript
// signatures, whose work is in next_worker.cpp; those over trees are in forest.cpp, masking of images in
// masks.cpp. Mirrors bindings/capture/addon.ts.
#include <memory>
#include <string>
#include <utility>

#include "arguments.hpp"
#include "capture_handle.hpp"
#include "errors.hpp"
#include "forest.hpp"
#include "input/pushed_source.hpp"
#include "job_worker.hpp"
#include "masks.hpp"
#include "next_worker.hpp"
#include "tables.hpp"
#include "type_tags.hpp"
#include "words.hpp"

namespace flowglyph::napi {
namespace {

// The largest input that one step may read: it bounds how long a terminated worker thread waits for its job.
constexpr double kMaxBudgetBytes = 1 << 30;

using SharedHandle = std::shared_ptr<CaptureHandle>;

SharedHandle handleOf(const Napi::Value& value) {
  if (!value.IsExternal() || !value.As<Napi::External<SharedHandle>>().CheckTypeTag(&kExtractorTag)) {
    throw NativeError("ERR_ARGUMENT", "Expected a capture handle");
  }
  return *value.As<Napi::External<SharedHandle>>().Data();
}

SharedHandle openHandleOf(const Napi::Value& value) {
  SharedHandle handle = handleOf(value);
  if (handle->closing) throw NativeError("ERR_ARGUMENT", "The capture is closed");
  if (handle->busy) throw NativeError("ERR_ARGUMENT", "The capture is busy: await its last step first");
  return handle;
}

// open(paths: string[], options: {view: number, mask: number, order: number, idleTimeoutNs: bigint,
//   activeTimeoutNs: bigint, closeTimeoutNs: bigint, memoryBytes: number, threads: number, decap: number,
//   protocols: number[], sequence: number, merge: boolean, follow: boolean, inputMethod: number,
//   early: boolean, earlyPackets: number, pushed: boolean, batchSize: number, countOnly: boolean}):
//   CaptureHandle
Napi::Value open(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), "ERR_IO", [&]() -> Napi::Value {
    auto arguments = readOpenArguments(info);
    auto handle = std::make_unique<SharedHandle>(std::make_shared<CaptureHandle>(
        std::move(arguments.paths), arguments.options, arguments.layout, arguments.countOnly));
    auto external = Napi::External<SharedHandle>::New(
        info.Env(), handle.get(),
        [](Napi::BasicEnv, SharedHandle* data) { const std::unique_ptr<SharedHandle> owned(data); });
    handle.release();
    external.TypeTag(&kExtractorTag);
    return external;
  });
}

// next(handle, budgetBytes: number): Promise<{count: number, buffer?: ArrayBuffer, byteOffset?: number, done:
// boolean,
//   packets: number, bytesRead: number, totalBytes: number, sessions: number}>
// Reads at most about budgetBytes; `count` is 0 until the batch is full or the input is used up. Of a live
// input (a pipe, a terminal) a step lasts at most about 200 ms and gives what there is.
Napi::Value next(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), "ERR_IO", [&]() -> Napi::Value {
    auto handle = openHandleOf(info[0]);
    const auto budget = static_cast<std::uint64_t>(readInteger(info[1], "budgetBytes", 1, kMaxBudgetBytes));
    return PromiseWorker::start(std::make_unique<NextWorker>(info.Env(), std::move(handle), budget));
  });
}

// summary(handle): what was read so far, as bindings/capture/addon.ts declares it.
Napi::Value summary(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), "ERR_IO", [&]() -> Napi::Value {
    return summaryObject(info.Env(), openHandleOf(info[0])->extractor->summary());
  });
}

// abort(handle): void. The running step, if any, ends soon with ERR_ABORTED, and so does every later one.
void abort(const Napi::CallbackInfo& info) {
  guarded(info.Env(), "ERR_IO", [&] { handleOf(info[0])->stop = true; });
}

// finish(handle): void. Live and followed inputs end where they are now, and their sessions with them: the
// running step and the next ones deliver them. Nothing happens to other inputs.
void finish(const Napi::CallbackInfo& info) {
  guarded(info.Env(), "ERR_IO", [&] {
    const SharedHandle handle = handleOf(info[0]);
    // Only what is closing may lose its extractor beside us.
    if (!handle->closing) handle->extractor->finish();
  });
}

// push(handle, bytes: Uint8Array, last: boolean): number. Of a handle that was opened with `pushed`: adds a
// copy of the bytes to its input, also while a step runs; after `last` nothing follows. How many bytes wait.
Napi::Value push(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), "ERR_IO", [&]() -> Napi::Value {
    const SharedHandle handle = handleOf(info[0]);
    if (handle->pushed == nullptr || !info[1].IsTypedArray() ||
        info[1].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
      throw NativeError("ERR_ARGUMENT", "Expected a capture handle whose input is pushed, and a Uint8Array");
    const auto bytes = info[1].As<Napi::Uint8Array>();
    handle->pushed->push({bytes.Data(), bytes.ByteLength()});
    if (info[2].ToBoolean()) handle->pushed->end();
    return Napi::Number::New(info.Env(), static_cast<double>(handle->pushed->waiting()));
  });
}

// Frees what an idle handle holds off the JavaScript thread: hundreds of megabytes of live sessions take a
// while.
class CloseWorker final : public PromiseWorker {
 public:
  CloseWorker(Napi::Env env, SharedHandle handle)
      : PromiseWorker(env, "flowglyph.capture.close", "ERR_IO"), handle_(std::move(handle)) {
    handle_->memory = {};
  }

 protected:
  void compute() override { handle_->release(); }
  Napi::Value deliver(Napi::Env env) override { return env.Undefined(); }

 private:
  SharedHandle handle_;
};

// close(handle): Promise<void>. Any number of times. With a step running: it is aborted, and frees the memory
// when it ends (await it to be sure).
Napi::Value close(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), "ERR_IO", [&]() -> Napi::Value {
    auto handle = handleOf(info[0]);
    handle->stop = true;
    const bool wasClosing = handle->closing.exchange(true);
    if (!wasClosing && !handle->busy) {
      return PromiseWorker::start(std::make_unique<CloseWorker>(info.Env(), std::move(handle)));
    }
    auto deferred = Napi::Promise::Deferred::New(info.Env());
    deferred.Resolve(info.Env().Undefined());
    return deferred.Promise();
  });
}

// layout(capacity: number, sequence: number): {name: string, type: string, width: number, offset: number}[].
// The columns of a batch: type u8, u16, u32, u64 or i64, values in a row, byte offset from `byteOffset` on.
Napi::Value layout(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), "ERR_ARGUMENT",
                 [&]() -> Napi::Value { return columnsArray(info.Env(), readLayout(info[0], info[1])); });
}

// names(): {endReasons, layers, skipReasons, tunnels: string[], protocols: Record<string, number>,
// linktypes: Record<number, string>}. What core calls things: link types for people, the rest for the test
// that holds src/capture's lists to it.
Napi::Value names(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), "ERR_ARGUMENT", [&]() -> Napi::Value { return namesObject(info.Env()); });
}

// liveHandles(): number. Handles of this process that still hold native memory.
Napi::Value liveHandles(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(CaptureHandle::liveCount()));
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  auto state = std::make_unique<AddonState>();
  env.SetInstanceData<AddonState>(state.release());
  exports.Set("setErrorClass", Napi::Function::New(env, setErrorClass, "setErrorClass"));
  exports.Set("open", Napi::Function::New(env, open, "open"));
  exports.Set("next", Napi::Function::New(env, next, "next"));
  exports.Set("summary", Napi::Function::New(env, summary, "summary"));
  exports.Set("abort", Napi::Function::New(env, abort, "abort"));
  exports.Set("finish", Napi::Function::New(env, finish, "finish"));
  exports.Set("push", Napi::Function::New(env, push, "push"));
  exports.Set("close", Napi::Function::New(env, close, "close"));
  exports.Set("layout", Napi::Function::New(env, layout, "layout"));
  exports.Set("names", Napi::Function::New(env, names, "names"));
  exports.Set("liveHandles", Napi::Function::New(env, liveHandles, "liveHandles"));
  exportForest(env, exports);
  exportJobs(env, exports);
  exportLogistic(env, exports);
  exportMasks(env, exports);
  exportWords(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(flowglyph_capture, init)

}  // namespace flowglyph::napi
