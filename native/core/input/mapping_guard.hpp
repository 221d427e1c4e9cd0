// Keeps a process alive whose mapped file is cut short. Touching a page behind a file's end raises SIGBUS; a
// handler for the whole process, installed on first use, knows the ranges that are registered here: for a
// fault in one of them it maps zeros over the hole, notes where it begins and lets the reader go on. Any
// other fault goes to the handler that was there before.
#pragma once

#include <cstddef>
#include <cstdint>

namespace flowglyph {

class MappingGuard {
 public:
  // Registers [data, data + bytes). active() is false when that cannot be done: too many mappings at a time,
  // or somebody replaced our handler. Then the range must not be read.
  MappingGuard(const void* data, std::size_t bytes);
  // Before the range is unmapped.
  ~MappingGuard();
  MappingGuard(const MappingGuard&) = delete;
  MappingGuard& operator=(const MappingGuard&) = delete;

  bool active() const { return slot_ != kNone; }
  // Bytes from the start that are the file's own: all, until a fault was met.
  std::size_t soundBytes() const;

  static constexpr std::size_t kMaxMappings = 64;

 private:
  static constexpr std::size_t kNone = ~std::size_t{0};
  std::size_t slot_ = kNone;
  std::size_t bytes_;
};

}  // namespace flowglyph
