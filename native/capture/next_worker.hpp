// One step of reading, on a libuv thread. See `next` in addon.cpp for what it resolves to.
#pragma once

#include <cstdint>
#include <memory>

#include "capture_handle.hpp"
#include "promise_worker.hpp"

namespace flowglyph::napi {

class NextWorker final : public PromiseWorker {
 public:
  // Marks the handle busy. JavaScript thread; the handle must be idle and open.
  NextWorker(Napi::Env env, std::shared_ptr<CaptureHandle> handle, std::uint64_t budgetBytes);

 protected:
  void compute() override;
  Napi::Value deliver(Napi::Env env) override;
  void finish(Napi::Env env) noexcept override;

 private:
  std::shared_ptr<CaptureHandle> handle_;
  std::uint64_t budgetBytes_;
  ExtractSummary summary_;
  bool done_ = false;
};

}  // namespace flowglyph::napi
