#include "input/pcap_reader.hpp"

#include <algorithm>
#include <utility>

namespace flowglyph {
namespace {

constexpr std::uint32_t kMicroseconds = 0xa1b2c3d4;
constexpr std::uint32_t kNanoseconds = 0xa1b23c4d;
constexpr std::uint32_t kKuznetzov =
    0xa1b2cd34;  // ss990915's patched libpcap: microseconds, 8 more bytes a record
constexpr std::uint32_t kFileHeaderBytes = 24;

bool isMagic(std::uint32_t v) { return v == kMicroseconds || v == kNanoseconds || v == kKuznetzov; }

}  // namespace

std::unique_ptr<PcapReader> PcapReader::open(ByteInput& input, Bytes start) {
  if (start.size() < kFileHeaderBytes) return nullptr;
  for (const bool bigEndian : {false, true}) {
    const auto magic = load<std::uint32_t>(start.data(), bigEndian);
    if (!isMagic(magic)) continue;
    std::unique_ptr<PcapReader> reader(new PcapReader(input, start, bigEndian, magic));
    input.consume(kFileHeaderBytes);
    return reader;
  }
  return nullptr;
}

PcapReader::PcapReader(ByteInput& input, Bytes header, bool bigEndian, std::uint32_t magic)
    : CaptureReader(input),
      bigEndian_(bigEndian),
      recordHeaderBytes_(magic == kKuznetzov ? 24 : 16),
      fractionNs_(magic == kNanoseconds ? 1 : 1000),
      snapLength_(load<std::uint32_t>(header.data() + 16, bigEndian)),
      minorVersion_(load<std::uint16_t>(header.data() + 6, bigEndian)),
      // The upper half of the field holds the length of the frame check sequence.
      linktype_(static_cast<std::uint16_t>(load<std::uint32_t>(header.data() + 20, bigEndian))) {
  sawLinktype(linktype_);
}

// Writers exist that put more than the snaplen into a record, so it only ever raises the limit.
std::uint32_t PcapReader::maxRecordBytes() const {
  return std::clamp<std::uint32_t>(snapLength_, std::uint32_t{256} << 10, kMaxRecordBytes);
}

std::size_t PcapReader::read(std::span<Record> records) {
  if (stopped_) return 0;
  std::size_t count = 0;
  Bytes bytes = input_.buffered();
  const std::uint32_t maxBytes = maxRecordBytes();
  while (count < records.size()) {
    if (bytes.size() < recordHeaderBytes_) {
      if (count > 0) break;  // more input would move the records handed out below
      bytes = input_.require(recordHeaderBytes_);
      if (bytes.size() < recordHeaderBytes_) {
        if (input_.waiting()) return 0;
        if (bytes.empty()) {
          stopped_ = true;
        } else {
          stopTruncated("record header", recordHeaderBytes_, bytes.size());
        }
        return 0;
      }
    }
    const std::uint8_t* header = bytes.data();
    auto capLength = load<std::uint32_t>(header + 8, bigEndian_);
    auto origLength = load<std::uint32_t>(header + 12, bigEndian_);
    // Before version 2.3 the two lengths stood the other way round; 2.3 files have been written both ways.
    if (minorVersion_ < 3 || (minorVersion_ == 3 && capLength > origLength)) std::swap(capLength, origLength);
    if (capLength > maxBytes) {
      if (count > 0) break;
      stopDamaged("expected a captured length of at most " + std::to_string(maxBytes) + ", received " +
                  std::to_string(capLength));
      return 0;
    }
    const std::size_t recordBytes = std::size_t{recordHeaderBytes_} + capLength;
    if (bytes.size() < recordBytes) {
      if (count > 0) break;
      bytes = input_.require(recordBytes);
      if (bytes.size() < recordBytes) {
        if (input_.waiting()) return 0;
        stopTruncated("record", recordBytes, bytes.size());
        return 0;
      }
      header = bytes.data();
    }
    const std::int64_t seconds = load<std::uint32_t>(header, bigEndian_);
    const std::int64_t fraction = load<std::uint32_t>(header + 4, bigEndian_);
    records[count++] = Record{seconds * 1'000'000'000 + fraction * fractionNs_, header + recordHeaderBytes_,
                              capLength, origLength, linktype_};
    input_.consume(recordBytes);
    bytes = bytes.subspan(recordBytes);
  }
  return count;
}

}  // namespace flowglyph
