#include "support/memory_file.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "support/check.hpp"

namespace flowglyph::fuzz {
namespace {

std::string pathOf(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

}  // namespace

MemoryFile::MemoryFile(Bytes bytes) : fd_(::memfd_create("flowglyph-fuzz", MFD_CLOEXEC)), path_(pathOf(fd_)) {
  FUZZ_CHECK(fd_ >= 0);
  write(bytes);
}

MemoryFile::~MemoryFile() { ::close(fd_); }

void MemoryFile::write(Bytes bytes) {
  FUZZ_CHECK(::ftruncate(fd_, 0) == 0);
  for (std::size_t at = 0; at < bytes.size();) {
    const ::ssize_t wrote = ::pwrite(fd_, bytes.data() + at, bytes.size() - at, static_cast<::off_t>(at));
    FUZZ_CHECK(wrote > 0);
    at += static_cast<std::size_t>(wrote);
  }
}

DribbledPipe::DribbledPipe(Bytes bytes) : left_(bytes) {
  int ends[2];
  FUZZ_CHECK(::pipe(ends) == 0);
  readEnd_ = ends[0];
  writeEnd_ = ends[1];
  path_ = pathOf(readEnd_);
}

DribbledPipe::~DribbledPipe() {
  ::close(readEnd_);
  if (writeEnd_ >= 0) ::close(writeEnd_);
}

void DribbledPipe::feed(std::size_t count) {
  constexpr std::size_t kMost = 4096;  // an empty pipe takes as much without blocking
  const Bytes part = left_.first(std::min({count, left_.size(), kMost}));
  if (!part.empty()) FUZZ_CHECK(::write(writeEnd_, part.data(), part.size()) == ::ssize_t(part.size()));
  left_ = left_.subspan(part.size());
  if (!left_.empty()) return;
  ::close(writeEnd_);
  writeEnd_ = -1;
}

}  // namespace flowglyph::fuzz
