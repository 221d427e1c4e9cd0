// Writes bytes into a pipe in pieces, from a thread of its own, as `tcpdump -w -` does.
#pragma once

#include <string>
#include <thread>

#include "bytes.hpp"

namespace flowglyph::fuzz {

class Feeder {
 public:
  Feeder(Bytes bytes, std::size_t pieceBytes);
  ~Feeder();  // also when nobody read to the end
  Feeder(const Feeder&) = delete;
  Feeder& operator=(const Feeder&) = delete;

  const std::string& path() const { return path_; }

 private:
  int readEnd_ = -1, writeEnd_ = -1;
  std::string path_;
  std::thread thread_;
};

}  // namespace flowglyph::fuzz
