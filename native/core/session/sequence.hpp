// The first packets of a session as lengths, directions and gaps in time: the raw material of sequence
// models. In memory, for N packets: u16 count, 6 bytes unused, i64 time of the packet before, i64 gaps [N],
// u16 lengths [N], u8 directions [N].
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "parse/packet.hpp"

namespace flowglyph {

class SequenceFormat {
 public:
  explicit SequenceFormat(std::size_t packets) : packets_(packets) {}

  std::size_t bytes() const { return packets_ == 0 ? 0 : (kHeader + packets_ * 11 + 7) / 8 * 8; }

  void clear(std::uint8_t* at) const {
    if (packets_ != 0) std::memset(at, 0, bytes());
  }

  void add(std::uint8_t* at, const Packet& packet, unsigned direction) const {
    if (packets_ == 0) return;
    const std::size_t count = this->count(at);
    if (count >= packets_) return;
    const std::int64_t now = packet.record.timeNs;
    // Two's complement arithmetic: times come from files.
    const auto gap = static_cast<std::int64_t>(static_cast<std::uint64_t>(now) -
                                               static_cast<std::uint64_t>(loadNative<std::int64_t>(at + 8)));
    store(at + kHeader + count * 8, count == 0 ? std::int64_t{0} : gap);
    store(at + kHeader + packets_ * 8 + count * 2,
          static_cast<std::uint16_t>(std::min<std::uint32_t>(packet.ipBytes, 0xFFFF)));
    at[kHeader + packets_ * 10 + count] = static_cast<std::uint8_t>(direction);
    store(at + 8, now);
    store(at, static_cast<std::uint16_t>(count + 1));
  }

  std::uint16_t count(const std::uint8_t* at) const {
    return packets_ == 0 ? 0 : loadNative<std::uint16_t>(at);
  }
  const std::uint8_t* gaps(const std::uint8_t* at) const { return at + kHeader; }
  const std::uint8_t* lengths(const std::uint8_t* at) const { return at + kHeader + packets_ * 8; }
  const std::uint8_t* directions(const std::uint8_t* at) const { return at + kHeader + packets_ * 10; }

 private:
  static constexpr std::size_t kHeader = 16;

  template <typename T>
  static void store(std::uint8_t* to, T value) {
    std::memcpy(to, &value, sizeof value);
  }

  std::size_t packets_;
};

}  // namespace flowglyph
