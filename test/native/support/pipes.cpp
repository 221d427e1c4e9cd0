#include "pipes.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace flowglyph::test {

Pipe::Pipe() {
  REQUIRE(::pipe2(ends_, O_CLOEXEC) == 0);
  path_ = "/dev/fd/" + std::to_string(ends_[0]);
}

Pipe::~Pipe() {
  closeWriter();
  ::close(ends_[0]);
}

void Pipe::write(std::span<const std::uint8_t> bytes) const {
  REQUIRE(::write(ends_[1], bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
}

void Pipe::closeWriter() {
  if (ends_[1] >= 0) ::close(ends_[1]);
  ends_[1] = -1;
}

NamedPipe::NamedPipe() : path_(TempFile({}).path() + ".fifo") { REQUIRE(::mkfifo(path_.c_str(), 0600) == 0); }

NamedPipe::~NamedPipe() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

}  // namespace flowglyph::test
