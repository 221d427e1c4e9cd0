// Layouts: RFC 791, 8200, 9293, 768; checksums RFC 1071; TCP options RFC 9293, 2018, 7323.
#include "generate/frames.hpp"

#include <algorithm>
#include <cstring>
#include <random>

#include "bytes.hpp"

namespace flowglyph::bench {
namespace {

constexpr std::size_t kPoolBytes = std::size_t{1} << 20;
constexpr std::uint8_t kSyn = 2;

std::uint64_t sumWords(const std::uint8_t* bytes, std::size_t length) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i + 1 < length; i += 2) sum += loadBig<std::uint16_t>(bytes + i);
  if (length % 2 != 0) sum += std::uint64_t{bytes[length - 1]} << 8;
  return sum;
}

std::uint16_t fold(std::uint64_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

std::size_t tcpOptionBytes(const Segment& segment) {
  if ((segment.tcpFlags & kSyn) != 0) return segment.timestamps ? 20 : 4;
  return segment.timestamps ? 12 : 0;
}

void writeTcpOptions(std::uint8_t* to, const Segment& segment) {
  const auto timestamps = [&](std::uint8_t* at) {
    at[0] = 8;
    at[1] = 10;
    storeBig(at + 2, segment.timestampValue);
    storeBig(at + 6, segment.timestampEcho);
  };
  if ((segment.tcpFlags & kSyn) != 0) {
    to[0] = 2;  // maximum segment size
    to[1] = 4;
    storeBig<std::uint16_t>(to + 2, 1460);
    if (!segment.timestamps) return;
    to[4] = 4;  // selective acknowledgements permitted
    to[5] = 2;
    timestamps(to + 6);
    to[16] = 1;  // no operation
    to[17] = 3;  // window scale
    to[18] = 3;
    to[19] = 7;
  } else if (segment.timestamps) {
    to[0] = to[1] = 1;
    timestamps(to + 2);
  }
}

}  // namespace

FrameWriter::FrameWriter(std::uint64_t seed)
    : pool_(kPoolBytes + kMaxFrameBytes + 1), sums_(pool_.size() / 2) {
  std::mt19937_64 random(seed);
  for (std::size_t i = 0; i + 8 <= pool_.size(); i += 8) storeBig<std::uint64_t>(&pool_[i], random());
  for (std::size_t i = 1; i < sums_.size(); ++i)
    sums_[i] = sums_[i - 1] + loadBig<std::uint16_t>(&pool_[2 * i - 2]);
}

std::size_t FrameWriter::headerBytes(const Endpoints& ends, const Segment& segment) {
  return 14 + (ends.ipv6 ? 40 : 20) + (ends.protocol == 17 ? 8 : 20 + tcpOptionBytes(segment));
}

std::size_t FrameWriter::write(std::uint8_t* to, const Endpoints& ends, const Segment& segment) const {
  const unsigned from = segment.direction, other = 1 - from;
  const bool udp = ends.protocol == 17;
  const std::size_t options = udp ? 0 : tcpOptionBytes(segment);
  const std::size_t transportBytes = (udp ? 8 : 20 + options) + segment.payloadBytes;
  std::memset(to, 0, 14 + 40 + 20 + options);
  // Locally administered hardware addresses that follow from the hosts'.
  to[0] = to[6] = 2;
  std::memcpy(to + 2, ends.address[other].data(), 4);
  std::memcpy(to + 8, ends.address[from].data(), 4);
  storeBig<std::uint16_t>(to + 12, ends.ipv6 ? 0x86DD : 0x0800);

  std::uint8_t* ip = to + 14;
  std::uint8_t* transport = ip + (ends.ipv6 ? 40 : 20);
  const std::size_t addressBytes = ends.ipv6 ? 16 : 4;
  std::uint8_t* addresses = ip + (ends.ipv6 ? 8 : 12);
  std::memcpy(addresses, ends.address[from].data(), addressBytes);
  std::memcpy(addresses + addressBytes, ends.address[other].data(), addressBytes);
  if (ends.ipv6) {
    storeBig<std::uint32_t>(ip, 0x60000000u | (ends.port[0] * 16u & 0xFFFFF));
    storeBig(ip + 4, static_cast<std::uint16_t>(transportBytes));
    ip[6] = ends.protocol;
    ip[7] = segment.hopLimit;
  } else {
    ip[0] = 0x45;
    storeBig(ip + 2, static_cast<std::uint16_t>(20 + transportBytes));
    storeBig(ip + 4, segment.ipId);
    storeBig<std::uint16_t>(ip + 6, 0x4000);  // do not fragment
    ip[8] = segment.hopLimit;
    ip[9] = ends.protocol;
    storeBig(ip + 10, fold(sumWords(ip, 20)));
  }

  storeBig(transport, ends.port[from]);
  storeBig(transport + 2, ends.port[other]);
  if (udp) {
    storeBig(transport + 4, static_cast<std::uint16_t>(transportBytes));
  } else {
    storeBig(transport + 4, segment.sequence);
    storeBig(transport + 8, segment.acknowledgement);
    transport[12] = static_cast<std::uint8_t>((20 + options) / 4 << 4);
    transport[13] = segment.tcpFlags;
    storeBig(transport + 14, segment.window);
    writeTcpOptions(transport + 20, segment);
  }

  std::uint8_t* payload = transport + transportBytes - segment.payloadBytes;
  const std::size_t prefix = std::min<std::size_t>(segment.prefixBytes, segment.payloadBytes);
  const std::size_t rest = segment.payloadBytes - prefix;
  const std::size_t place = segment.payloadSeed * std::size_t{2} % kPoolBytes;
  std::memcpy(payload, segment.prefix.data(), prefix);
  std::memcpy(payload + prefix, &pool_[place], rest);

  std::uint64_t sum = sumWords(addresses, 2 * addressBytes) + ends.protocol + transportBytes;
  sum += sumWords(transport, transportBytes - segment.payloadBytes) + sumWords(payload, prefix);
  if (prefix == segment.prefixBytes) {
    sum += sums_[(place + rest) / 2] - sums_[place / 2];
    if (rest % 2 != 0) sum += std::uint64_t{payload[segment.payloadBytes - 1]} << 8;
  }
  std::uint16_t checksum = fold(sum);
  if (udp && checksum == 0) checksum = 0xFFFF;  // 0 says that there is none
  storeBig(transport + (udp ? 6 : 16), checksum);

  const std::size_t length = static_cast<std::size_t>(transport - to) + transportBytes;
  if (length >= kMinFrameBytes) return length;
  std::memset(to + length, 0, kMinFrameBytes - length);
  return kMinFrameBytes;
}

}  // namespace flowglyph::bench
