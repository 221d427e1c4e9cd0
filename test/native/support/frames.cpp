#include "frames.hpp"

namespace flowglyph::test {

void append(ByteVector& to, const ByteVector& bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

void append16(ByteVector& to, std::uint16_t v) {
  to.push_back(static_cast<std::uint8_t>(v >> 8));
  to.push_back(static_cast<std::uint8_t>(v));
}

void append32(ByteVector& to, std::uint32_t v) {
  append16(to, static_cast<std::uint16_t>(v >> 16));
  append16(to, static_cast<std::uint16_t>(v));
}

ByteVector filled(std::size_t count, std::uint8_t first) {
  ByteVector bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::uint8_t>(1 + (first - 1 + i) % 255);
  return bytes;
}

ByteVector tcp(const Tcp& fields) {
  ByteVector out;
  append16(out, fields.sourcePort);
  append16(out, fields.destinationPort);
  append32(out, fields.sequence);
  append32(out, fields.acknowledgement);
  append16(out, static_cast<std::uint16_t>((5 + fields.options.size() / 4) << 12 | fields.flags));
  append16(out, fields.window);
  append16(out, fields.checksum);
  append16(out, 0);
  append(out, fields.options);
  append(out, fields.payload);
  return out;
}

ByteVector udp(const Udp& fields) {
  ByteVector out;
  append16(out, fields.sourcePort);
  append16(out, fields.destinationPort);
  append16(out, static_cast<std::uint16_t>(8 + fields.payload.size()));
  append16(out, fields.checksum);
  append(out, fields.payload);
  return out;
}

ByteVector ipv4(const Ipv4& fields) {
  const std::size_t length = 20 + fields.options.size() + fields.payload.size();
  ByteVector out;
  out.push_back(static_cast<std::uint8_t>(0x45 + fields.options.size() / 4));
  out.push_back(0x08);
  append16(out, static_cast<std::uint16_t>(fields.totalLength >= 0 ? fields.totalLength
                                                                   : static_cast<int>(length)));
  append16(out, fields.id);
  append16(out, fields.flagsAndOffset);
  out.push_back(fields.ttl);
  out.push_back(fields.protocol);
  append16(out, fields.checksum);
  append32(out, fields.source);
  append32(out, fields.destination);
  append(out, fields.options);
  append(out, fields.payload);
  return out;
}

ByteVector ipv6(const Ipv6& fields) {
  ByteVector out;
  append32(out, 0x61200000 | fields.flowLabel);
  append16(out,
           static_cast<std::uint16_t>(fields.payloadLength >= 0 ? fields.payloadLength
                                                                : static_cast<int>(fields.payload.size())));
  out.push_back(fields.nextHeader);
  out.push_back(fields.hopLimit);
  for (const std::uint8_t last : {fields.source, fields.destination}) {
    append32(out, 0x20010DB8);
    for (int i = 0; i < 11; ++i) out.push_back(0);
    out.push_back(last);
  }
  append(out, fields.payload);
  return out;
}

ByteVector ethernet(const ByteVector& payload, std::uint16_t etherType,
                    const std::vector<std::uint16_t>& tags) {
  ByteVector out = {0xD0, 0xD1, 0xD2, 0xD3, 0xD4, 0xD5, 0xE0, 0xE1, 0xE2, 0xE3, 0xE4, 0xE5};
  for (const std::uint16_t tag : tags) {
    append16(out, tag);
    append16(out, 0x0123);
  }
  append16(out, etherType);
  append(out, payload);
  return out;
}

ByteVector tcp4Frame(const Tcp& fields, std::uint32_t source, std::uint32_t destination) {
  return ethernet(ipv4({.source = source, .destination = destination, .payload = tcp(fields)}), 0x0800);
}

ByteVector udp4Frame(const Udp& fields, std::uint32_t source, std::uint32_t destination) {
  return ethernet(
      ipv4({.source = source, .destination = destination, .protocol = 17, .payload = udp(fields)}), 0x0800);
}

}  // namespace flowglyph::test
