#include "input/pcapng_reader.hpp"

#include <algorithm>

namespace flowglyph {
namespace {

constexpr std::uint32_t kSectionHeader = 0x0A0D0D0A;  // the same in both byte orders
constexpr std::uint32_t kInterfaceDescription = 1;
constexpr std::uint32_t kOldPacket = 2;
constexpr std::uint32_t kSimplePacket = 3;
constexpr std::uint32_t kEnhancedPacket = 6;
constexpr std::uint32_t kByteOrderMagic = 0x1A2B3C4D;
constexpr std::uint32_t kMinBlockBytes = 12;   // type, length, length
constexpr std::size_t kMaxInterfaces = 65536;  // what the old packet block can name; bounds a hostile file

constexpr std::size_t kMaxNotes = 16;

constexpr std::uint16_t kOptionEnd = 0, kOptionTsResol = 9, kOptionTsOffset = 14;

bool isPacket(std::uint32_t type) {
  return type == kEnhancedPacket || type == kSimplePacket || type == kOldPacket;
}

}  // namespace

std::unique_ptr<PcapngReader> PcapngReader::open(ByteInput& input, Bytes start) {
  if (start.size() < 12 || loadBig<std::uint32_t>(start.data()) != kSectionHeader) return nullptr;
  if (loadBig<std::uint32_t>(start.data() + 8) != kByteOrderMagic &&
      loadLittle<std::uint32_t>(start.data() + 8) != kByteOrderMagic)
    return nullptr;
  return std::unique_ptr<PcapngReader>(new PcapngReader(input));
}

std::size_t PcapngReader::read(std::span<Record> records) {
  std::size_t count = 0;
  if (!skipOn()) return 0;
  while (count < records.size() && !stopped_) {
    // `need` more bytes in one piece, without moving the records already handed out by this call.
    const auto reach = [&](std::size_t need) {
      const Bytes here = input_.buffered();
      return here.size() >= need || count > 0 ? here : input_.require(need);
    };
    Bytes bytes = reach(kMinBlockBytes);
    if (bytes.size() < kMinBlockBytes) {
      if (count > 0 || input_.waiting()) break;
      stopped_ = true;
      if (!bytes.empty()) stopTruncated("block header", kMinBlockBytes, bytes.size());
      break;
    }
    const auto type = load<std::uint32_t>(bytes.data(), bigEndian_);
    bool bigEndian = bigEndian_;
    if (type == kSectionHeader) {
      const std::uint8_t* magic = bytes.data() + 8;
      bigEndian = loadBig<std::uint32_t>(magic) == kByteOrderMagic;
      if (!bigEndian && loadLittle<std::uint32_t>(magic) != kByteOrderMagic) {
        if (count > 0) break;
        stopDamaged("expected a byte-order magic of 1a2b3c4d in the section header");
        break;
      }
    }
    const auto length = load<std::uint32_t>(bytes.data() + 4, bigEndian);
    if (length < kMinBlockBytes || length % 4 != 0) {
      if (count > 0) break;
      stopDamaged("expected a block length that is a multiple of 4 and at least 12, received " +
                  std::to_string(length));
      break;
    }
    const bool wanted =
        type == kSectionHeader || (!skipSection_ && (isPacket(type) || type == kInterfaceDescription));
    if (!wanted) {
      if (count > 0 && bytes.size() < length) break;
      skipping_ = {input_.offset(), length, length};
      if (!skipOn()) break;
      continue;
    }
    if (length > kMaxRecordBytes + 4096) {
      if (count > 0) break;
      stopDamaged("expected a block of at most " + std::to_string(kMaxRecordBytes + 4096) +
                  " bytes, received " + std::to_string(length));
      break;
    }
    bytes = reach(length);
    if (bytes.size() < length) {
      if (count > 0 || input_.waiting()) break;
      stopTruncated("block", length, bytes.size());
      break;
    }
    const auto trailer = load<std::uint32_t>(bytes.data() + length - 4, bigEndian);
    bool sound = trailer == length;
    if (sound && type == kSectionHeader) {
      bigEndian_ = bigEndian;
      sound = beginSection(bytes.first(length));
    } else if (sound && type == kInterfaceDescription) {
      sound = describeInterface(bytes.subspan(8, length - 12));
    } else if (sound) {
      sound = packet(type, bytes.subspan(8, length - 12), records[count]);
      if (sound) ++count;
    }
    if (!sound) {
      if (count > 0) break;
      stopDamaged(trailer != length ? "expected the block length " + std::to_string(length) +
                                          " again at the block's end, received " + std::to_string(trailer)
                                    : "block of type " + std::to_string(type) + " and " +
                                          std::to_string(length) + " bytes contradicts itself");
      break;
    }
    input_.consume(length);
  }
  return count;
}

// False when not all of it is there.
bool PcapngReader::skipOn() {
  skipping_.left -= input_.skip(skipping_.left);
  if (skipping_.left == 0) return true;
  if (!input_.waiting()) {
    stopTruncated("block", skipping_.length, skipping_.length - skipping_.left);
    damage_->offset = skipping_.start;
  }
  return false;
}

// type, length, byte-order magic, u16 major, u16 minor, i64 section length, options, length
bool PcapngReader::beginSection(Bytes block) {
  if (block.size() < 28) return false;
  const auto version = load<std::uint16_t>(block.data() + 12, bigEndian_);
  skipSection_ = version != 1;
  if (skipSection_ && notes_.size() < kMaxNotes) {
    notes_.push_back("at byte offset " + std::to_string(input_.offset()) +
                     ": section skipped: expected version 1, received " + std::to_string(version));
  }
  interfaces_.clear();
  return true;
}

// u16 linktype, u16 reserved, u32 snaplen, options
bool PcapngReader::describeInterface(Bytes body) {
  if (body.size() < 8 || interfaces_.size() >= kMaxInterfaces) return false;
  std::uint8_t resolution = 6;
  std::int64_t offsetSeconds = 0;
  Bytes options = body.subspan(8);
  while (options.size() >= 4) {
    const auto code = load<std::uint16_t>(options.data(), bigEndian_);
    const auto size = load<std::uint16_t>(options.data() + 2, bigEndian_);
    if (code == kOptionEnd || options.size() - 4 < size) break;
    const std::uint8_t* value = options.data() + 4;
    if (code == kOptionTsResol && size >= 1) resolution = *value;
    if (code == kOptionTsOffset && size >= 8)
      offsetSeconds = static_cast<std::int64_t>(load<std::uint64_t>(value, bigEndian_));
    options = options.subspan(std::min<std::size_t>(4 + ((size + 3u) & ~3u), options.size()));
  }
  const auto linktype = load<std::uint16_t>(body.data(), bigEndian_);
  interfaces_.push_back(
      {linktype, load<std::uint32_t>(body.data() + 4, bigEndian_), TimestampUnit(resolution, offsetSeconds)});
  sawLinktype(linktype);
  return true;
}

// enhanced: u32 interface, u32 time high, u32 time low, u32 captured, u32 original, bytes, options
// old:      u16 interface, u16 drops, then the same
// simple:   u32 original, bytes; the first interface's snaplen tells how many
bool PcapngReader::packet(std::uint32_t type, Bytes body, Record& record) {
  const bool simple = type == kSimplePacket;
  const std::size_t headerBytes = simple ? 4 : 20;
  if (body.size() < headerBytes) return false;
  const auto word = [&](std::size_t at) { return load<std::uint32_t>(body.data() + at, bigEndian_); };
  std::uint32_t id = 0;
  if (type == kEnhancedPacket) id = word(0);
  if (type == kOldPacket) id = load<std::uint16_t>(body.data(), bigEndian_);
  const Interface* interface = id < interfaces_.size() ? &interfaces_[id] : nullptr;

  record.data = body.data() + headerBytes;
  record.origLength = simple ? word(0) : word(16);
  if (simple) {
    record.capLength = std::min<std::uint32_t>(record.origLength, body.size() - headerBytes);
    if (interface != nullptr && interface->snapLength != 0)
      record.capLength = std::min(record.capLength, interface->snapLength);
  } else {
    record.capLength = word(12);
    if (record.capLength > body.size() - headerBytes) return false;
  }
  if (!simple && interface != nullptr)
    lastTimeNs_ = interface->unit.toNs(std::uint64_t{word(4)} << 32 | word(8));
  record.timeNs = lastTimeNs_;
  record.linktype = interface != nullptr ? interface->linktype : kNoLinktype;
  record.captureGroup = 0;
  return true;
}

}  // namespace flowglyph
