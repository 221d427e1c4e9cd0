#include "block_input.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "capture_error.hpp"
#include "extractor.hpp"

namespace flowglyph {

BlockInput::BlockInput(const std::string& path, std::size_t blockBytes) : path_(path) {
  if (path == "-") {
    fd_ = STDIN_FILENO;
  } else {
    do {
      fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
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
  mayWait_ = ::fstat(fd_, &info) != 0 || !S_ISREG(info.st_mode);
  capacity_ = blockBytes;
  buffer_ = std::make_unique_for_overwrite<std::uint8_t[]>(capacity_);
}

BlockInput::~BlockInput() {
  if (fd_ > STDIN_FILENO) ::close(fd_);
}

Bytes BlockInput::require(std::size_t count) {
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
    if (!waitForBytes()) return false;
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
  // How soon a reader that waits sees that it should stop; short beside what a person notices.
  constexpr int kPollMilliseconds = 50;
  if (!mayWait_) return true;
  pollfd waiting{fd_, POLLIN, 0};
  while (stop_ == nullptr || !stop_->load(std::memory_order_relaxed)) {
    const int ready = ::poll(&waiting, 1, kPollMilliseconds);
    // Bytes, the end or an error: read() will tell which.
    if (ready > 0 || (ready < 0 && errno != EINTR)) return true;
  }
  return false;
}

std::uint64_t BlockInput::sizeOf(const std::string& path) {
  struct stat info;
  if (path == "-" || ::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return 0;
  return static_cast<std::uint64_t>(info.st_size);
}

}  // namespace flowglyph
