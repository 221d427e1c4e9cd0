#include "input/block_input.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "capture_error.hpp"
#include "extractor.hpp"

namespace flowglyph {
namespace {

// A blocking open() of a named pipe lasts until somebody opens it for writing, and nothing but a signal would
// end it. After a non-blocking one poll() does that waiting: Linux reports the end of a named pipe only after
// a writer came and went. Nothing else is opened so: a file under a lease would fail.
int openFlags(const std::string& path) {
  struct stat info;
  const bool namedPipe = ::stat(path.c_str(), &info) == 0 && S_ISFIFO(info.st_mode);
  return O_RDONLY | O_CLOEXEC | (namedPipe ? O_NONBLOCK : 0);
}

}  // namespace

BlockInput::BlockInput(const std::string& path, std::size_t blockBytes) : path_(path) {
  if (path == "-") {
    fd_ = STDIN_FILENO;
  } else {
    const int flags = openFlags(path);
    do {
      fd_ = ::open(path.c_str(), flags);
    } while (fd_ < 0 && errno == EINTR);
    if (fd_ < 0) {
      throw CaptureError(kErrIo,
                         path + ": expected a readable capture file, received " + std::strerror(errno));
    }
#ifdef POSIX_FADV_SEQUENTIAL
    ::posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL);
#endif
  }
  struct stat info;
  live_ = ::fstat(fd_, &info) != 0 || !S_ISREG(info.st_mode);
  capacity_ = blockBytes;
  buffer_ = std::make_unique_for_overwrite<std::uint8_t[]>(capacity_);
}

BlockInput::~BlockInput() {
  if (fd_ > STDIN_FILENO) ::close(fd_);
}

Bytes BlockInput::require(std::size_t count) {
  waiting_ = false;
  if (end_ - begin_ >= count) return buffered();
  if (begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (count > capacity_) {
    std::size_t grown = capacity_;
    while (grown < count) grown *= 2;
    auto larger = std::make_unique_for_overwrite<std::uint8_t[]>(grown);
    std::memcpy(larger.get(), buffer_.get(), end_);
    buffer_ = std::move(larger);
    capacity_ = grown;
  }
  while (end_ < count && fill()) {
  }
  return buffered();
}

std::uint64_t BlockInput::skip(std::uint64_t count) {
  std::uint64_t left = count;
  waiting_ = false;
  for (;;) {
    const std::uint64_t here = std::min<std::uint64_t>(left, end_ - begin_);
    begin_ += static_cast<std::size_t>(here);
    left -= here;
    if (left == 0) return count;
    begin_ = end_ = 0;
    if (!fill()) return count - left;
  }
}

bool BlockInput::fill() {
  if (ended_) return false;
  ssize_t got;
  do {
    if (live_ && !waitForBytes()) {
      waiting_ = true;
      return false;
    }
    got = ::read(fd_, buffer_.get() + end_, capacity_ - end_);
  } while (got < 0 && (errno == EINTR || errno == EAGAIN));
  if (got <= 0) {
    ended_ = true;
    if (got < 0) readError_ = errno;
    return false;
  }
  end_ += static_cast<std::size_t>(got);
  readBytes_ += static_cast<std::uint64_t>(got);
  return true;
}

bool BlockInput::waitForBytes() {
  using std::chrono::milliseconds;
  // How soon a reader that waits sees that it should stop; short beside what a person notices.
  constexpr milliseconds kSlice{50};
  pollfd waiting{fd_, POLLIN, 0};
  for (;;) {
    if (stop_ != nullptr && stop_->load(std::memory_order_relaxed)) return false;
    // Also where bytes are there: whoever drips them must not keep require() from returning.
    const auto left = std::chrono::ceil<milliseconds>(deadline_ - Clock::now());
    if (left <= milliseconds{0}) return false;
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::min(left, kSlice).count()));
    // Bytes, the end or an error: read() will tell which.
    if (ready > 0 || (ready < 0 && errno != EINTR)) return true;
  }
}

std::uint64_t BlockInput::sizeOf(const std::string& path) {
  struct stat info;
  if (path == "-" || ::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return 0;
  return static_cast<std::uint64_t>(info.st_size);
}

}  // namespace flowglyph
