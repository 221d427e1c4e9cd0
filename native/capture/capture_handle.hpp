// What a JavaScript capture handle stands for: one Extractor, the batch it is filling, and who may touch
// them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "extractor.hpp"
#include "napi_include.hpp"

namespace flowglyph::napi {

// The memory of a batch is an ArrayBuffer that V8 owns, made before the job that fills it and hidden from
// JavaScript until the batch is complete, so that nobody can detach it meanwhile. Not an external one: those
// cannot be transferred to a worker thread, are forbidden where V8 runs in a memory cage, and took twice as
// long to make and free (131 against 66 microseconds for a batch of 1024 sessions).
struct BatchMemory {
  Napi::ObjectReference buffer;  // ArrayBuffer
  std::byte* start = nullptr;    // the first multiple of 64 in it
  std::size_t byteOffset = 0;    // of `start` in the ArrayBuffer
};

// `stop` and `closing` are set on the JavaScript thread and read by the running job. Everything else belongs
// to the job while `busy`, and to the JavaScript thread otherwise.
class CaptureHandle {
 public:
  CaptureHandle(std::vector<std::string> paths, const ExtractOptions& options, const BatchLayout& layout,
                bool countOnly);
  ~CaptureHandle();
  CaptureHandle(const CaptureHandle&) = delete;
  CaptureHandle& operator=(const CaptureHandle&) = delete;

  // Makes the memory that the next job fills, unless a batch is under way. JavaScript thread.
  void prepareBatch(Napi::Env env);
  // Reads up to `budgetBytes` and adds the sessions that ended to the batch. Any thread, one at a time.
  // Throws CaptureError; where the batch holds sessions from before the failure, it is kept for the step
  // after.
  void fill(std::uint64_t budgetBytes);
  // True when the batch is full, or holds the last sessions, or the last before a failure, or any while the
  // input is live.
  bool batchComplete() const;
  // Nothing will follow.
  bool done() const;
  // Frees the extractor (which may hold much) and forgets the batch's rows. Any thread, never beside fill().
  void release() noexcept;

  // Handles of this process that hold an extractor: 0 when all are closed or collected.
  static std::int64_t liveCount();

  const BatchLayout layout;
  const bool
      countOnly;  // sessions are counted, and their batch is never handed out: the memory is used again
  const std::shared_ptr<PushedBytes> pushed;  // where the input is pushed
  std::unique_ptr<Extractor> extractor;
  BatchMemory memory;
  std::size_t rows = 0;  // of the batch under way
  std::optional<CaptureError> failure;
  bool busy = false;
  std::atomic<bool> stop{false};
  std::atomic<bool> closing{false};
};

}  // namespace flowglyph::napi
