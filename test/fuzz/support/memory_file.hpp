// A file that core opens by path and that never touches a disk.
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

}  // namespace flowglyph::fuzz
