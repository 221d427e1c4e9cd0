// Inputs that core opens by path and that never touch a disk: a file in memory, and a pipe that is fed a
// piece at a time.
#pragma once

#include <cstddef>
#include <string>

#include "bytes.hpp"

namespace flowglyph::fuzz {

class MemoryFile {
 public:
  explicit MemoryFile(Bytes bytes = {});
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  void write(Bytes bytes);  // instead of what it held
  const std::string& path() const { return path_; }

 private:
  int fd_;
  std::string path_;
};

class DribbledPipe {
 public:
  explicit DribbledPipe(Bytes bytes);
  ~DribbledPipe();
  DribbledPipe(const DribbledPipe&) = delete;
  DribbledPipe& operator=(const DribbledPipe&) = delete;

  const std::string& path() const { return path_; }
  // The reader has to have opened path() by then. After the last byte the pipe is closed: that is its end.
  void feed(std::size_t count);
  bool fed() const { return writeEnd_ < 0; }

 private:
  Bytes left_;
  int readEnd_ = -1, writeEnd_ = -1;
  std::string path_;
};

}  // namespace flowglyph::fuzz
