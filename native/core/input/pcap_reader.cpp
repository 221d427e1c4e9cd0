#include "input/pcap_reader.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace flowglyph {
namespace {

constexpr std::uint32_t kFileHeaderBytes = 24;

// Each magic is read in both byte orders. Reserved ones of which no description is public (Navtel's a12b3c4d,
// Mesquita's a1b234cd) are refused, as libpcap does.
struct Format {
  std::uint32_t magic;
  std::uint32_t fileHeaderBytes, recordHeaderBytes;
  std::uint32_t fractionNs;  // nanoseconds in one unit of the second timestamp field
};
constexpr std::array<Format, 5> kFormats = {{
    {0xa1b2c3d4, kFileHeaderBytes, 16, 1000},
    {0xa1b23c4d, kFileHeaderBytes, 16, 1},
    // Kuznetzov's patched libpcap (ss991029): u32 interface, u16 protocol, u8 packet type, u8 padding more.
    {0xa1b2cd34, kFileHeaderBytes, 24, 1000},
    // IXIA's "lcap" of hardware and of software: the bytes of all records as a u32 behind the file header.
    {0x1c0001ac, kFileHeaderBytes + 4, 16, 1},
    {0x1c0001ab, kFileHeaderBytes + 4, 16, 1000},
}};

const Format* formatOf(std::uint32_t magic) {
  const auto* const found =
      std::find_if(kFormats.begin(), kFormats.end(), [&](const Format& f) { return f.magic == magic; });
  return found == kFormats.end() ? nullptr : found;
}

// AIX writes version 2.2, nanoseconds under the magic of microseconds, and interface types (RFC 1573) instead
// of link types. Other writers of 2.2 exist; but these numbers are AIX's: Ethernet, Token Ring, FDDI,
// loopback. As Wireshark tells them apart.
std::optional<std::uint16_t> aixLinktype(std::uint32_t interfaceType) {
  switch (interfaceType) {
    case 6:
      return std::uint16_t{1};
    case 9:
      return std::uint16_t{6};
    case 15:
      return std::uint16_t{10};
    case 24:
      return std::uint16_t{0};
    default:
      return std::nullopt;
  }
}

}  // namespace

std::unique_ptr<PcapReader> PcapReader::open(ByteInput& input, Bytes start) {
  if (start.size() < kFileHeaderBytes) return nullptr;
  for (const bool bigEndian : {false, true}) {
    if (formatOf(load<std::uint32_t>(start.data(), bigEndian)) == nullptr) continue;
    std::unique_ptr<PcapReader> reader(new PcapReader(input, start, bigEndian));
    input.consume(kFileHeaderBytes);
    return reader;
  }
  return nullptr;
}

PcapReader::PcapReader(ByteInput& input, Bytes header, bool bigEndian)
    : CaptureReader(input), bigEndian_(bigEndian) {
  const auto word = [&](std::size_t at) { return load<std::uint32_t>(header.data() + at, bigEndian); };
  const Format& format = *formatOf(word(0));
  const auto major = load<std::uint16_t>(header.data() + 4, bigEndian);
  const auto minor = load<std::uint16_t>(header.data() + 6, bigEndian);
  headerLeft_ = format.fileHeaderBytes - kFileHeaderBytes;
  recordHeaderBytes_ = format.recordHeaderBytes;
  fractionNs_ = format.fractionNs;
  // Before version 2.3 the two lengths stood the other way round, and DG/UX's 543.0 has them so as well; 2.3
  // files have been written both ways.
  lengths_ = (major == 2 && minor < 3) || major == 543 ? Lengths::kSwapped
             : major == 2 && minor == 3                ? Lengths::kEither
                                                       : Lengths::kInOrder;
  snapLength_ = word(16);
  // The field's upper half holds the length of the frame check sequence and reserved bits. The check sequence
  // stays in the records: IP tells its own length.
  linktype_ = static_cast<std::uint16_t>(word(20));
  if (const auto aix = aixLinktype(word(20));
      aix && word(0) == kFormats[0].magic && major == 2 && minor == 2) {
    linktype_ = *aix;
    fractionNs_ = 1;
    lengths_ = Lengths::kEither;
  }
  sawLinktype(linktype_);
}

// A snaplen of 0 says nothing, and writers exist that put more than the snaplen into a record: it only ever
// raises the limit. libpcap cuts such records to the snaplen; we keep what is there, as Wireshark does: the
// bytes were captured.
std::uint32_t PcapReader::maxRecordBytes() const {
  return std::clamp<std::uint32_t>(snapLength_, std::uint32_t{256} << 10, kMaxRecordBytes);
}

// The header's end, false when it has not come.
bool PcapReader::skipHeader() {
  headerLeft_ -= static_cast<std::uint32_t>(input_.skip(headerLeft_));
  if (headerLeft_ == 0) return true;
  if (!input_.waiting())
    stopTruncated("file header", kFileHeaderBytes + 4, kFileHeaderBytes + 4 - headerLeft_);
  return false;
}

std::size_t PcapReader::read(std::span<Record> records) {
  if (stopped_) return 0;
  if (headerLeft_ != 0 && !skipHeader()) return 0;
  std::size_t count = 0;
  Bytes bytes = input_.buffered();  // from the next record on; the input itself moves on at the end
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
    if (lengths_ != Lengths::kInOrder && (lengths_ == Lengths::kSwapped || capLength > origLength))
      std::swap(capLength, origLength);
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
    records[count++] = Record{seconds * 1'000'000'000 + fraction * fractionNs_,
                              header + recordHeaderBytes_,
                              capLength,
                              origLength,
                              linktype_,
                              0};
    bytes = bytes.subspan(recordBytes);
  }
  // Where more was asked for, that was before the first record.
  input_.consume(input_.buffered().size() - bytes.size());
  return count;
}

}  // namespace flowglyph
