// See next_worker.hpp.
#include "next_worker.hpp"

#include <optional>
#include <string>
#include <utility>

#include "errors.hpp"

namespace flowglyph::napi {
namespace {

constexpr const char* kAborted = "Reading the captures was aborted";

}  // namespace

NextWorker::NextWorker(Napi::Env env, std::shared_ptr<CaptureHandle> handle, std::uint64_t budgetBytes)
    : PromiseWorker(env, "flowglyph.capture.next", "ERR_IO"),
      handle_(std::move(handle)),
      budgetBytes_(budgetBytes) {
  handle_->prepareBatch(env);
  handle_->busy = true;
}

void NextWorker::compute() {
  std::optional<CaptureError> error;
  try {
    handle_->fill(budgetBytes_);
  } catch (const CaptureError& caught) {
    error = caught;
  }
  if (handle_->closing) handle_->release();
  // Before the error: who aborted does not ask what else went wrong.
  if (handle_->stop || handle_->extractor == nullptr) {
    throw NativeError("ERR_ABORTED", kAborted);
  }
  if (error) throw NativeError(error->code(), error->what());
  summary_ = handle_->extractor->summary();
  done_ = handle_->done();
}

// Not in deliver(): a handle must become idle, and a closed one free its memory, also where no JavaScript can
// run.
void NextWorker::finish(Napi::Env) noexcept {
  handle_->busy = false;
  if (!handle_->closing) return;
  handle_->release();
  handle_->memory = {};
}

Napi::Value NextWorker::deliver(Napi::Env env) {
  // Stopped since the job ended: the same outcome as a moment earlier.
  if (handle_->stop) throw flowglyphError(env, "ERR_ABORTED", kAborted);
  auto result = Napi::Object::New(env);
  result.Set("done", done_);
  result.Set("packets", static_cast<double>(summary_.packets));
  result.Set("bytesRead", static_cast<double>(summary_.source.bytesRead));
  result.Set("totalBytes", static_cast<double>(summary_.source.totalBytes));
  result.Set("sessions", static_cast<double>(summary_.emittedSessions()));
  const bool complete = handle_->batchComplete();
  result.Set("count", static_cast<double>(complete ? handle_->rows : 0));
  if (complete) {
    handle_->rows = 0;
    if (!handle_->countOnly) {
      result.Set("buffer", handle_->memory.buffer.Value());
      result.Set("byteOffset", static_cast<double>(handle_->memory.byteOffset));
      handle_->memory = {};
    }
  }
  return result;
}

}  // namespace flowglyph::napi
