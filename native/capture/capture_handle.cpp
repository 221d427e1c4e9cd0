// See capture_handle.hpp.
#include "capture_handle.hpp"

#include <utility>

namespace flowglyph::napi {
namespace {

constexpr std::size_t kAlignment = 64;

std::atomic<std::int64_t> liveHandles{0};

}  // namespace

CaptureHandle::CaptureHandle(std::vector<std::string> paths, const ExtractOptions& options,
                             const BatchLayout& batchLayout, bool countOnlySessions)
    : layout(batchLayout),
      countOnly(countOnlySessions),
      pushed(options.pushed),
      extractor(std::make_unique<Extractor>(std::move(paths), options)) {
  liveHandles.fetch_add(1, std::memory_order_relaxed);
}

CaptureHandle::~CaptureHandle() { release(); }

void CaptureHandle::prepareBatch(Napi::Env env) {
  if (memory.start != nullptr) return;
  auto buffer = Napi::ArrayBuffer::New(env, layout.totalBytes + kAlignment - 1);
  const auto address = reinterpret_cast<std::uintptr_t>(buffer.Data());
  memory.byteOffset = (kAlignment - address % kAlignment) % kAlignment;
  memory.start = static_cast<std::byte*>(buffer.Data()) + memory.byteOffset;
  memory.buffer = Napi::Persistent(buffer.As<Napi::Object>());
}

void CaptureHandle::fill(std::uint64_t budgetBytes) {
  if (failure) throw CaptureError(*failure);
  try {
    rows +=
        extractor->next(layout.after(rows), std::span(memory.start, layout.totalBytes), budgetBytes, stop);
  } catch (const CaptureError& error) {
    failure = error;
    if (rows == 0) throw;
  }
}

bool CaptureHandle::batchComplete() const {
  return rows > 0 && (rows == layout.capacity || failure || extractor->done() || extractor->live());
}

bool CaptureHandle::done() const { return !failure && extractor->done(); }

void CaptureHandle::release() noexcept {
  if (extractor == nullptr) return;
  extractor.reset();
  rows = 0;
  liveHandles.fetch_sub(1, std::memory_order_relaxed);
}

std::int64_t CaptureHandle::liveCount() { return liveHandles.load(std::memory_order_relaxed); }

}  // namespace flowglyph::napi
