#include "image/image_encoder.hpp"

#include <algorithm>
#include <cstring>

namespace flowglyph {
namespace {

constexpr std::size_t kFileHeaderBytes = 24, kRecordHeaderBytes = 16;

// Magic, version 2.4, zone, sigfigs, snaplen, link type: what the splitter behind the published sets writes
// (big-endian).
std::size_t writeFileHeader(std::uint8_t* to, std::uint16_t linktype) {
  storeBig<std::uint32_t>(to, 0xa1b2c3d4);
  storeBig<std::uint16_t>(to + 4, 2);
  storeBig<std::uint16_t>(to + 6, 4);
  storeBig<std::uint64_t>(to + 8, 0);
  storeBig<std::uint32_t>(to + 16, 65535);
  storeBig<std::uint32_t>(to + 20, linktype);
  return kFileHeaderBytes;
}

void writeRecordHeader(std::uint8_t* to, const Record& record) {
  constexpr std::int64_t kNsPerSecond = 1'000'000'000;
  std::int64_t seconds = record.timeNs / kNsPerSecond;
  std::int64_t ns = record.timeNs % kNsPerSecond;
  if (ns < 0) {  // before 1970: the fraction counts up from the second below
    ns += kNsPerSecond;
    --seconds;
  }
  storeBig(to, static_cast<std::uint32_t>(seconds));
  storeBig(to + 4, static_cast<std::uint32_t>(ns / 1000));
  storeBig(to + 8, record.capLength);
  storeBig(to + 12, record.origLength);
}

}  // namespace

std::size_t ImageEncoder::appendView(std::uint8_t* image, std::size_t fill, const Packet& packet) {
  if (view_ == View::kL7) {
    if (packet.payloadEnd == packet.payloadOffset) return fill;
    return appendRange(image, fill, packet, packet.payloadOffset, packet.payloadEnd);
  }
  // Masks zero both headers: a record's time alone names its class.
  if (fill == 0) {
    fill = kFileHeaderBytes;
    if (mask_ == Mask::kNone) {
      writeFileHeader(image, packet.record.linktype);
    } else {
      std::memset(image, 0, kFileHeaderBytes);
    }
  }
  std::uint8_t header[kRecordHeaderBytes] = {};
  if (mask_ == Mask::kNone) writeRecordHeader(header, packet.record);
  const std::size_t part = std::min(kRecordHeaderBytes, kImageBytes - fill);
  std::memcpy(image + fill, header, part);
  fill += part;
  if (fill == kImageBytes) return fill;
  const std::size_t end = appendRange(image, fill, packet, 0, packet.record.capLength);
  // Behind the IP packet a frame has padding, check sequences over its addresses, switches' times: not
  // traffic.
  if (mask_ != Mask::kNone && fill + packet.ipEnd < end)
    std::memset(image + fill + packet.ipEnd, 0, end - fill - packet.ipEnd);
  return end;
}

}  // namespace flowglyph
