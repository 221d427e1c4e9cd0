// Pipes that a test writes to while a capture is read from them.
#pragma once

#include <span>
#include <string>

#include "captures.hpp"

namespace flowglyph::test {

// An anonymous pipe that a capture reader opens by its path under /dev/fd, as the shell's <(...).
class Pipe {
 public:
  Pipe();
  ~Pipe();
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void write(std::span<const std::uint8_t> bytes) const;
  void closeWriter();
  const std::string& path() const { return path_; }

 private:
  int ends_[2] = {-1, -1};
  std::string path_;
};

class NamedPipe {
 public:
  NamedPipe();
  ~NamedPipe();
  NamedPipe(const NamedPipe&) = delete;
  NamedPipe& operator=(const NamedPipe&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace flowglyph::test
