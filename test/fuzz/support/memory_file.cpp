#include "support/memory_file.hpp"

#include <sys/mman.h>
#include <unistd.h>

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

}  // namespace flowglyph::fuzz
