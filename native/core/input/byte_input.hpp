// What capture readers read from: a window of bytes that they look at in place and move through. Looking and
// moving on cost nothing; only asking for more than the window holds is a virtual call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "bytes.hpp"

namespace flowglyph {

class ByteInput {
 public:
  virtual ~ByteInput() = default;

  // The unread bytes that are there now.
  Bytes buffered() const { return {at_, static_cast<std::size_t>(end_ - at_)}; }
  void consume(std::size_t count) { at_ += count; }  // count <= buffered().size()

  // At least `count` unread bytes in one piece, or all that there are when the input ends or falls silent
  // before: waiting() tells which. Bytes handed out earlier become invalid unless hold() was asked for them.
  virtual Bytes require(std::size_t count) = 0;
  // Drops `count` bytes without holding them. Returns how many there were: fewer at the end, or in silence.
  virtual std::uint64_t skip(std::uint64_t count) = 0;

  // The bytes handed out since the last require() or skip() stay valid for as long as what this appends.
  virtual void hold(std::vector<std::shared_ptr<const void>>& into) = 0;

  // The last require() or skip() found too few bytes, and the input has not ended: ask again later.
  virtual bool waiting() const = 0;
  virtual std::uint64_t offset() const = 0;     // of the first unread byte
  virtual std::uint64_t bytesRead() const = 0;  // of the file as it is on disk

 protected:
  const std::uint8_t* at_ = nullptr;
  const std::uint8_t* end_ = nullptr;
};

}  // namespace flowglyph
