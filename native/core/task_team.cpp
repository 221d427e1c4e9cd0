#include "task_team.hpp"

#include <utility>

namespace flowglyph {
namespace {

// Some 20 microseconds: longer than the serial part between two lists.
constexpr int kSpins = 2000;

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Until `value` is no longer `old`.
void awaitChange(const std::atomic<std::uint32_t>& value, std::uint32_t old) {
  for (int i = 0; i < kSpins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    relax();
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

TaskTeam::TaskTeam(unsigned threads) {
  others_.reserve(threads > 0 ? threads - 1 : 0);
  for (unsigned i = 1; i < threads; ++i) others_.emplace_back([this] { serve(); });
}

TaskTeam::~TaskTeam() {
  closing_.store(true, std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  for (std::thread& other : others_) other.join();
}

void TaskTeam::run(std::size_t count, const std::function<void(std::size_t)>& task) {
  if (others_.empty() || count == 1) {
    for (std::size_t i = 0; i < count; ++i) task(i);
    return;
  }
  task_ = &task;
  count_ = count;
  next_.store(0, std::memory_order_relaxed);
  busy_.store(static_cast<std::uint32_t>(others_.size()), std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  work();
  for (std::uint32_t busy; (busy = busy_.load(std::memory_order_acquire)) != 0;) awaitChange(busy_, busy);
  if (failed_.test()) {
    failed_.clear();
    std::rethrow_exception(std::exchange(failure_, nullptr));
  }
}

void TaskTeam::work() {
  for (std::size_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < count_;) {
    try {
      (*task_)(i);
    } catch (...) {
      if (!failed_.test_and_set()) failure_ = std::current_exception();
    }
  }
}

void TaskTeam::serve() {
  std::uint32_t round = 0;
  for (;;) {
    awaitChange(round_, round);
    ++round;
    if (closing_.load(std::memory_order_relaxed)) return;
    work();
    if (busy_.fetch_sub(1, std::memory_order_release) == 1) busy_.notify_one();
  }
}

}  // namespace flowglyph
