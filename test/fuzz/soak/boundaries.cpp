#include "soak/boundaries.hpp"

#include <algorithm>

#include "parse/packet.hpp"

namespace flowglyph::fuzz {
namespace {

// As many records say all that there is to say.
constexpr std::size_t kMostRecords = 2000;

class Walk {
 public:
  explicit Walk(Bytes capture) : capture_(capture) {}

  CaptureShape pcap(bool bigEndian, std::size_t recordHeaderBytes);
  CaptureShape pcapng();

 private:
  void at(BoundaryKind kind, std::size_t offset) {
    if (offset < capture_.size()) shape_.boundaries[static_cast<std::size_t>(kind)].push_back(offset);
  }
  // In the middle of [from, to).
  void inside(BoundaryKind kind, std::size_t from, std::size_t to) {
    if (to > from + 1) at(kind, from + (to - from + 1) / 2);
  }
  void length(std::size_t offset, std::uint8_t bytes, bool bigEndian) {
    if (offset + bytes <= capture_.size()) shape_.lengths.push_back({offset, bytes, bigEndian});
  }
  void frame(std::size_t start, std::size_t bytes, std::uint16_t linktype);
  std::uint32_t u32(std::size_t offset, bool bigEndian) const {
    return load<std::uint32_t>(capture_.data() + offset, bigEndian);
  }

  Bytes capture_;
  CaptureShape shape_;
};

void Walk::frame(std::size_t start, std::size_t bytes, std::uint16_t linktype) {
  at(BoundaryKind::kBodyStart, start);
  if (bytes == 0 || start + bytes > capture_.size()) return;
  at(BoundaryKind::kRecordEnd, start + bytes - 1);
  Record record{};
  record.data = capture_.data() + start;
  record.capLength = record.origLength = static_cast<std::uint32_t>(bytes);
  record.linktype = linktype;
  ParseOptions options;
  for (unsigned protocol = 0; protocol < 256; ++protocol)
    options.protocols.add(static_cast<std::uint8_t>(protocol));
  Packet packet;
  if (parsePacket(record, findLinktype(linktype), options, packet) != SkipReason::kNone) {
    inside(BoundaryKind::kLinkHeader, start, start + std::min<std::size_t>(bytes, 28));
    return;
  }
  const std::size_t ip = start + packet.ipOffset, transport = start + packet.transportOffset;
  const std::size_t fixed = packet.ipVersion() == 4 ? 20 : 40;
  inside(BoundaryKind::kLinkHeader, start, start + packet.outerOffset);
  at(BoundaryKind::kIpStart, ip);
  inside(BoundaryKind::kIpHeader, ip, ip + fixed);
  inside(BoundaryKind::kIpOptions, ip + fixed, transport);
  at(BoundaryKind::kTransportStart, transport);
  inside(BoundaryKind::kTransportHeader, transport, std::min(start + packet.payloadOffset, transport + 20));
  inside(BoundaryKind::kTcpOptions, transport + 20, start + packet.payloadOffset);
  if (packet.payloadEnd > packet.payloadOffset) {
    at(BoundaryKind::kPayload, start + packet.payloadOffset);
    inside(BoundaryKind::kPayload, start + packet.payloadOffset, start + packet.payloadEnd);
  }
  length(ip + (packet.ipVersion() == 4 ? 2 : 4), 2, true);
  length(ip, 1, true);  // version and header length
  if (packet.protocol() == kUdp) length(transport + 4, 2, true);
  if (packet.protocol() == kTcp) length(transport + 12, 1, true);
}

CaptureShape Walk::pcap(bool bigEndian, std::size_t recordHeaderBytes) {
  inside(BoundaryKind::kFileHeader, 0, 24);
  length(16, 4, bigEndian);  // snaplen
  if (capture_.size() < 24) return shape_;
  const auto linktype = static_cast<std::uint16_t>(u32(20, bigEndian));
  std::size_t offset = 24;
  for (std::size_t i = 0; i < kMostRecords && offset + recordHeaderBytes <= capture_.size(); ++i) {
    const std::size_t captured = u32(offset + 8, bigEndian), body = offset + recordHeaderBytes;
    at(BoundaryKind::kRecordStart, offset);
    inside(BoundaryKind::kRecordHeader, offset, body);
    length(offset + 8, 4, bigEndian);
    length(offset + 12, 4, bigEndian);
    frame(body, captured, linktype);
    offset = body + captured;
  }
  return shape_;
}

CaptureShape Walk::pcapng() {
  bool bigEndian = false;
  std::vector<std::uint16_t> linktypes;
  std::size_t offset = 0;
  for (std::size_t i = 0; i < kMostRecords && offset + 12 <= capture_.size(); ++i) {
    const std::uint32_t type = u32(offset, bigEndian);
    if (type == 0x0A0D0D0A) {
      bigEndian = capture_[offset + 8] == 0x1A;
      linktypes.clear();
    }
    const std::size_t bytes = u32(offset + 4, bigEndian), end = offset + bytes;
    if (bytes < 12 || end > capture_.size()) break;
    length(offset + 4, 4, bigEndian);
    length(end - 4, 4, bigEndian);
    at(BoundaryKind::kRecordStart, offset);
    inside(BoundaryKind::kRecordHeader, offset, offset + 8);
    inside(BoundaryKind::kBlockTrailer, end - 4, end);
    if (type == 0x0A0D0D0A) {
      inside(BoundaryKind::kFileHeader, offset, end);
    } else if (type == 1 && bytes >= 20) {
      linktypes.push_back(load<std::uint16_t>(capture_.data() + offset + 8, bigEndian));
      inside(BoundaryKind::kInterface, offset + 8, end - 4);
    } else if (type == 6 && bytes >= 32) {
      const std::size_t interface = u32(offset + 8, bigEndian), captured = u32(offset + 20, bigEndian);
      length(offset + 20, 4, bigEndian);
      length(offset + 24, 4, bigEndian);
      frame(offset + 28, std::min(captured, bytes - 32),
            interface < linktypes.size() ? linktypes[interface] : kNoLinktype);
    } else {
      inside(BoundaryKind::kOtherBlock, offset + 8, end - 4);
    }
    offset = end;
  }
  return shape_;
}

}  // namespace

CaptureShape shapeOf(Bytes capture) {
  if (capture.size() < 4) return {};
  const auto magic = loadLittle<std::uint32_t>(capture.data());
  Walk walk(capture);
  for (const bool bigEndian : {false, true}) {
    const std::uint32_t native = bigEndian ? byteSwap(magic) : magic;
    if (native == 0xa1b2c3d4 || native == 0xa1b23c4d) return walk.pcap(bigEndian, 16);
    if (native == 0xa1b2cd34) return walk.pcap(bigEndian, 24);
  }
  return magic == 0x0A0D0D0A ? walk.pcapng() : CaptureShape{};
}

}  // namespace flowglyph::fuzz
