// A source of bytes in memory that deals them out in pieces, with silence in between, as pipes and sockets
// do.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>

#include "bytes.hpp"
#include "input/byte_source.hpp"

namespace flowglyph::fuzz {

class MemorySource final : public ByteSource {
 public:
  // `silent`: before every piece it falls silent once.
  MemorySource(Bytes bytes, std::size_t pieceBytes, bool silent)
      : bytes_(bytes), pieceBytes_(pieceBytes), silent_(silent) {}

  std::size_t read(std::span<std::uint8_t> room) override {
    waiting_ = silent_ && !waiting_;
    if (waiting_) return 0;
    const std::size_t count = std::min({room.size(), pieceBytes_, bytes_.size() - at_});
    if (count != 0) std::memcpy(room.data(), bytes_.data() + at_, count);
    at_ += count;
    return count;
  }
  void waitUntil(Clock::time_point, const std::atomic<bool>&) override {}
  bool live() const override { return silent_; }
  bool waiting() const override { return waiting_; }
  bool finished() const override { return false; }
  int readError() const override { return 0; }
  std::uint64_t bytesRead() const override { return at_; }
  const std::optional<CaptureDamage>& damage() const override { return damage_; }
  const std::string& note() const override { return note_; }

 private:
  Bytes bytes_;
  std::size_t pieceBytes_, at_ = 0;
  bool silent_, waiting_ = false;
  std::optional<CaptureDamage> damage_;
  std::string note_;
};

}  // namespace flowglyph::fuzz
