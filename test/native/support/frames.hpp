// Builds packets and frames in code, field by field, so that a test can say what each byte is.
#pragma once

#include <cstdint>
#include <vector>

namespace flowglyph::test {

using ByteVector = std::vector<std::uint8_t>;

void append(ByteVector& to, const ByteVector& bytes);
void append16(ByteVector& to, std::uint16_t v);  // big-endian
void append32(ByteVector& to, std::uint32_t v);
ByteVector filled(std::size_t count, std::uint8_t first);  // first, first + 1, ... never 0

struct Tcp {
  std::uint16_t sourcePort = 40000, destinationPort = 443;
  std::uint32_t sequence = 0x11121314, acknowledgement = 0x21222324;
  std::uint16_t window = 0x5152, checksum = 0x6162;
  ByteVector options;  // a multiple of 4
  ByteVector payload;
  std::uint8_t flags = 0x18;
};
ByteVector tcp(const Tcp& fields);

struct Udp {
  std::uint16_t sourcePort = 40000, destinationPort = 443;
  std::uint16_t checksum = 0x6162;
  ByteVector payload;
};
ByteVector udp(const Udp& fields);

struct Ipv4 {
  std::uint32_t source = 0x0A000001, destination = 0x0A000002;
  std::uint8_t protocol = 6, ttl = 0x40;
  std::uint16_t id = 0x7172, flagsAndOffset = 0x4000, checksum = 0x8182;
  ByteVector options;  // a multiple of 4
  ByteVector payload;
  int totalLength = -1;  // -1: what it is
};
ByteVector ipv4(const Ipv4& fields);

struct Ipv6 {
  std::uint8_t source = 1, destination = 2;  // last byte of 2001:db8::
  std::uint8_t nextHeader = 6, hopLimit = 0x40;
  std::uint32_t flowLabel = 0xABCDE;
  ByteVector payload;  // extension headers and all
  int payloadLength = -1;
};
ByteVector ipv6(const Ipv6& fields);

ByteVector ethernet(const ByteVector& payload, std::uint16_t etherType,
                    const std::vector<std::uint16_t>& tags = {});
ByteVector tcp4Frame(const Tcp& fields, std::uint32_t source = 0x0A000001,
                     std::uint32_t destination = 0x0A000002);
ByteVector udp4Frame(const Udp& fields, std::uint32_t source = 0x0A000001,
                     std::uint32_t destination = 0x0A000002);

}  // namespace flowglyph::test
