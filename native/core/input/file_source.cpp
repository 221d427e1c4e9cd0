#include "input/file_source.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "capture_error.hpp"

namespace flowglyph {
namespace {

using std::chrono::milliseconds;

// How soon a reader that waits sees that it should stop, and that a file has grown; short beside what a
// person notices.
constexpr milliseconds kSlice{50};

// A blocking open() of a named pipe lasts until somebody opens it for writing, and nothing but a signal would
// end it. After a non-blocking one poll() does that waiting: Linux reports the end of a named pipe only after
// a writer came and went. Nothing else is opened so: a file under a lease would fail.
int openFlags(const std::string& path) {
  struct stat info;
  const bool namedPipe = ::stat(path.c_str(), &info) == 0 && S_ISFIFO(info.st_mode);
  return O_RDONLY | O_CLOEXEC | (namedPipe ? O_NONBLOCK : 0);
}

}  // namespace

FileSource::FileSource(const std::string& path, const FileSourceOptions& options)
    : path_(path), finish_(options.finish) {
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
  regular_ = ::fstat(fd_, &info) == 0 && S_ISREG(info.st_mode);
  live_ = !regular_ || options.follow;
}

FileSource::~FileSource() {
  if (fd_ > STDIN_FILENO) ::close(fd_);
}

void FileSource::waitUntil(Clock::time_point deadline, const std::atomic<bool>& stop) {
  deadline_ = deadline;
  stop_ = &stop;
}

std::size_t FileSource::read(std::span<std::uint8_t> room) {
  waiting_ = false;
  while (!ended_) {
    if (live_) {
      if (!lastBytes_ && finish_ != nullptr && finish_->load(std::memory_order_acquire))
        lastBytes_ = atHand();
      if (lastBytes_) room = room.first(std::min<std::uint64_t>(room.size(), *lastBytes_));
      if (room.empty()) {
        ended_ = finished_ = true;
        break;
      }
      if (!regular_ && !lastBytes_) {
        const Readiness readiness = waitForBytes();
        if (readiness == Readiness::kEnded) continue;
        waiting_ = readiness == Readiness::kSilent;
        if (waiting_) return 0;
      }
    }
    const ssize_t got = ::read(fd_, room.data(), room.size());
    if (got > 0) {
      const auto count = static_cast<std::size_t>(got);
      readBytes_ += count;
      if (lastBytes_) *lastBytes_ -= count;
      return count;
    }
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) {
      readError_ = errno;
      ended_ = true;
    } else if (!regular_ || !live_ || lastBytes_) {
      ended_ = true;
    } else {
      waiting_ = waitForGrowth() == Readiness::kSilent;
      if (waiting_) return 0;
    }
  }
  return 0;
}

// kEnded: `finish` was seen, and what is at hand is to be counted.
FileSource::Readiness FileSource::waitForBytes() {
  pollfd waiting{fd_, POLLIN, 0};
  for (;;) {
    if (told()) return Readiness::kSilent;
    if (finish_ != nullptr && finish_->load(std::memory_order_acquire)) return Readiness::kEnded;
    // Also where bytes are there: whoever drips them must not keep the reader from returning.
    const auto left = std::chrono::ceil<milliseconds>(deadline_ - Clock::now());
    if (left <= milliseconds{0}) return Readiness::kSilent;
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::min(left, kSlice).count()));
    // Bytes, the end or an error: read() will tell which.
    if (ready > 0 || (ready < 0 && errno != EINTR)) return Readiness::kReady;
  }
}

FileSource::Readiness FileSource::waitForGrowth() {
  for (;;) {
    // Who looks first whether the file is gone and then whether it grew loses nothing: what a writer wrote
    // before it removed the file is seen by the read after this.
    struct stat info;
    const bool gone = goneFromPath();
    const bool known = ::fstat(fd_, &info) == 0;
    const auto size = known ? static_cast<std::uint64_t>(info.st_size) : 0;
    if (known && size > readBytes_) return Readiness::kReady;
    if (known && size < readBytes_) {
      note_ = "no longer followed: the file shrank from " + std::to_string(readBytes_) + " to " +
              std::to_string(size) + " bytes";
    } else if (gone) {
      note_ = "no longer followed: the file was removed or replaced";
    }
    if (!note_.empty()) {
      ended_ = true;
      return Readiness::kEnded;
    }
    if (told()) return Readiness::kSilent;
    if (finish_ != nullptr && finish_->load(std::memory_order_acquire)) return Readiness::kEnded;
    const auto left = std::chrono::ceil<milliseconds>(deadline_ - Clock::now());
    if (left <= milliseconds{0}) return Readiness::kSilent;
    std::this_thread::sleep_for(std::min(left, kSlice));
  }
}

// Bytes that were written and not read yet. Of standard input that is a file: from where it stands.
std::uint64_t FileSource::atHand() const {
  if (regular_) {
    struct stat info;
    const off_t at = ::lseek(fd_, 0, SEEK_CUR);
    if (::fstat(fd_, &info) != 0 || at < 0 || info.st_size <= at) return 0;
    return static_cast<std::uint64_t>(info.st_size - at);
  }
  int bytes = 0;
  return ::ioctl(fd_, FIONREAD, &bytes) == 0 && bytes > 0 ? static_cast<std::uint64_t>(bytes) : 0;
}

// The path names no file any more, or another one.
bool FileSource::goneFromPath() {
  struct stat opened, named;
  if (path_ == "-" || ::fstat(fd_, &opened) != 0) return false;
  if (::stat(path_.c_str(), &named) != 0) return errno == ENOENT || errno == ENOTDIR;
  return opened.st_dev != named.st_dev || opened.st_ino != named.st_ino;
}

}  // namespace flowglyph
