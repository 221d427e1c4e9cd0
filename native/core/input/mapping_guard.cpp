#include "input/mapping_guard.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>

namespace flowglyph {
namespace {

// What the handler looks at: without locks, as a signal may come between any two instructions.
struct Range {
  std::atomic<bool> taken{false};
  std::atomic<std::uintptr_t> begin{0}, end{0};  // end 0: not to be looked at
  std::atomic<std::uintptr_t> hole{0};           // where zeros begin; 0: nowhere
};
static_assert(std::atomic<std::uintptr_t>::is_always_lock_free);

std::array<Range, MappingGuard::kMaxMappings> ranges;
struct sigaction previous;
std::uintptr_t pageBytes = 4096;

void passOn(int number, siginfo_t* info, void* context) {
  if ((previous.sa_flags & SA_SIGINFO) != 0) {
    previous.sa_sigaction(number, info, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(number);
  } else if (previous.sa_handler == SIG_DFL || info->si_code > 0) {
    // The fault comes again when we return and ends the process as it would have without us (a fault cannot
    // be ignored either); a signal that somebody sent has to be sent again.
    struct sigaction standard = {};
    standard.sa_handler = SIG_DFL;
    sigaction(number, &standard, nullptr);
    if (info->si_code <= 0) raise(number);
  }
}

// Only system calls and lock-free atomics: async-signal-safe.
void onBusError(int number, siginfo_t* info, void* context) {
  const int savedErrno = errno;
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  if (info->si_code > 0) {
    for (Range& range : ranges) {
      const std::uintptr_t end = range.end.load(std::memory_order_acquire);
      if (end == 0 || address >= end || address < range.begin.load(std::memory_order_relaxed)) continue;
      const std::uintptr_t page = address & ~(pageBytes - 1);
      // All that follows is behind the file's end as well.
      void* const zeros = mmap(reinterpret_cast<void*>(page), end - page, PROT_READ,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
      if (zeros == MAP_FAILED) break;
      // Faults of several threads: the lowest counts.
      std::uintptr_t hole = range.hole.load(std::memory_order_relaxed);
      while ((hole == 0 || page < hole) &&
             !range.hole.compare_exchange_weak(hole, page, std::memory_order_release,
                                               std::memory_order_relaxed)) {
      }
      errno = savedErrno;
      return;
    }
  }
  passOn(number, info, context);
  errno = savedErrno;
}

// False when somebody else's handler is in place now: faults might not reach ours.
bool handlerInPlace() {
  static std::once_flag once;
  std::call_once(once, [] {
    pageBytes = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    struct sigaction ours = {};
    ours.sa_sigaction = onBusError;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&ours.sa_mask);
    // Known before ours can be called.
    sigaction(SIGBUS, nullptr, &previous);
    sigaction(SIGBUS, &ours, nullptr);
  });
  struct sigaction now;
  return sigaction(SIGBUS, nullptr, &now) == 0 && (now.sa_flags & SA_SIGINFO) != 0 &&
         now.sa_sigaction == onBusError;
}

}  // namespace

MappingGuard::MappingGuard(const void* data, std::size_t bytes) : bytes_(bytes) {
  if (!handlerInPlace()) return;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (ranges[i].taken.exchange(true, std::memory_order_acq_rel)) continue;
    const auto begin = reinterpret_cast<std::uintptr_t>(data);
    ranges[i].hole.store(0, std::memory_order_relaxed);
    ranges[i].begin.store(begin, std::memory_order_relaxed);
    ranges[i].end.store(begin + (bytes + pageBytes - 1) / pageBytes * pageBytes, std::memory_order_release);
    slot_ = i;
    return;
  }
}

MappingGuard::~MappingGuard() {
  if (slot_ == kNone) return;
  ranges[slot_].end.store(0, std::memory_order_release);
  ranges[slot_].taken.store(false, std::memory_order_release);
}

std::size_t MappingGuard::soundBytes() const {
  if (slot_ == kNone) return 0;
  const std::uintptr_t hole = ranges[slot_].hole.load(std::memory_order_acquire);
  return hole == 0 ? bytes_ : hole - ranges[slot_].begin.load(std::memory_order_relaxed);
}

}  // namespace flowglyph
