#include "soak/damage.hpp"

#include <algorithm>
#include <array>

#include "input/record_source.hpp"
#include "parse/packet.hpp"
#include "support/captures.hpp"
#include "support/memory_file.hpp"

namespace flowglyph::fuzz {
namespace {

using test::ByteVector;

std::ptrdiff_t at(std::size_t offset) { return static_cast<std::ptrdiff_t>(offset); }

ByteVector cut(const ByteVector& capture, std::size_t length) {
  return {capture.begin(), capture.begin() + at(length)};
}

ByteVector flipped(ByteVector bytes, std::mt19937_64& random) {
  for (std::uint64_t flips = 1 + random() % 16; flips > 0; --flips) {
    std::uint8_t& byte = bytes[random() % bytes.size()];
    switch (random() % 3) {
      case 0:
        byte = static_cast<std::uint8_t>(random());
        break;
      case 1:
        byte = static_cast<std::uint8_t>(byte ^ 1u << random() % 8);
        break;
      default:
        byte = 0xFF;
    }
  }
  return bytes;
}

// A few length fields say something else: a little more or less, nothing, the most.
ByteVector contradicted(ByteVector bytes, const CaptureShape& shape, std::mt19937_64& random) {
  for (std::uint64_t fields = 1 + random() % 4; fields > 0; --fields) {
    const LengthField& field = shape.lengths[random() % shape.lengths.size()];
    std::uint64_t value = 0;
    const auto place = [&](std::size_t i) {
      return field.offset + (field.bigEndian ? field.bytes - 1 - i : i);
    };
    for (std::size_t i = 0; i < field.bytes; ++i) value |= std::uint64_t{bytes[place(i)]} << 8 * i;
    switch (random() % 6) {
      case 0:
        value = 0;
        break;
      case 1:
        value = ~std::uint64_t{0};
        break;
      case 2:
        value = random();
        break;
      case 3:
        value += 1 + random() % 8;
        break;
      case 4:
        value -= 1 + random() % 8;
        break;
      default:
        value = value << random() % 8 | random() % 4;
    }
    for (std::size_t i = 0; i < field.bytes; ++i) bytes[place(i)] = static_cast<std::uint8_t>(value >> 8 * i);
  }
  return bytes;
}

ByteVector spliced(ByteVector bytes, std::mt19937_64& random) {
  const std::size_t from = random() % bytes.size();
  const std::size_t count = std::min<std::size_t>(1 + random() % 200, bytes.size() - from);
  const ByteVector piece(bytes.begin() + at(from), bytes.begin() + at(from + count));
  const std::size_t to = random() % bytes.size();
  switch (random() % 3) {
    case 0:
      bytes.erase(bytes.begin() + at(from), bytes.begin() + at(from + count));
      break;
    case 1:
      bytes.insert(bytes.begin() + at(to), piece.begin(), piece.end());
      break;
    default:
      std::copy_n(piece.begin(), std::min(count, bytes.size() - to), bytes.begin() + at(to));
  }
  return bytes;
}

// How much of a frame is left: all, none, anything, or up to where a header begins or ends.
std::size_t framePart(const Record& record, std::mt19937_64& random) {
  Packet packet;
  if (record.capLength == 0 || random() % 3 == 0) return record.capLength;
  if (parsePacket(record, findLinktype(record.linktype), {}, packet) != SkipReason::kNone)
    return random() % (record.capLength + 1);
  const std::array<std::uint32_t, 8> ends = {
      packet.outerOffset,         packet.ipOffset,
      packet.ipOffset + 10,       packet.transportOffset,
      packet.transportOffset + 4, packet.transportOffset + 13,
      packet.payloadOffset,       static_cast<std::uint32_t>(random() % (record.capLength + 1))};
  return std::min(ends[random() % ends.size()], record.capLength);
}

// The records again as pcapng, each frame cut or damaged in its headers, times shifted now and then.
ByteVector rewritten(const ByteVector& capture, bool cutFrames, std::mt19937_64& random) {
  const MemoryFile file(capture);
  RecordSource source({file.path()}, ExtractOptions{});
  test::PcapngBuilder ng;
  ng.section(random() % 2 == 0);
  std::vector<std::uint16_t> linktypes;
  std::array<Record, 64> records;
  for (;;) {
    const RecordSource::Result result = source.read(records);
    if (result.status == RecordSource::Status::kEnd) return ng.bytes();
    if (result.status != RecordSource::Status::kRecords) continue;
    for (const Record& record : std::span(records).first(result.count)) {
      auto interface = std::find(linktypes.begin(), linktypes.end(), record.linktype);
      if (interface == linktypes.end()) {
        ng.interface({.linktype = record.linktype, .tsResol = 9});
        interface = linktypes.insert(linktypes.end(), record.linktype);
      }
      ByteVector frame(record.data, record.data + record.capLength);
      if (cutFrames) frame.resize(framePart(record, random));
      if (!cutFrames && !frame.empty() && random() % 2 == 0) {
        // Headers are where a byte changes most.
        std::uint8_t& byte = frame[random() % std::min<std::size_t>(frame.size(), 96)];
        byte = static_cast<std::uint8_t>(random() % 2 == 0 ? random() : byte ^ 1u << random() % 8);
      }
      const std::uint64_t shift = random() % 50 == 0 ? random() % 300'000'000'000 : 0;
      ng.enhanced(static_cast<std::uint32_t>(interface - linktypes.begin()),
                  static_cast<std::uint64_t>(record.timeNs) + shift, frame, record.origLength);
    }
  }
}

}  // namespace

std::vector<Variant> damagedVariants(const ByteVector& capture, const CaptureShape& shape,
                                     std::mt19937_64& random) {
  std::vector<Variant> variants;
  if (capture.empty()) return variants;
  for (std::size_t kind = 0; kind < kBoundaryKinds; ++kind) {
    const auto& offsets = shape.boundaries[kind];
    if (offsets.empty()) continue;
    const std::size_t offset = offsets[random() % offsets.size()];
    variants.push_back({"cut at " + std::string(kBoundaryNames[kind]) + ", " + std::to_string(offset),
                        cut(capture, offset)});
  }
  const std::size_t anywhere = random() % capture.size();
  variants.push_back({"cut at " + std::to_string(anywhere), cut(capture, anywhere)});
  for (int i = 0; i < 3; ++i) variants.push_back({"bytes flipped", flipped(capture, random)});
  if (!shape.lengths.empty())
    for (int i = 0; i < 3; ++i)
      variants.push_back({"lengths contradicted", contradicted(capture, shape, random)});
  variants.push_back({"spliced", spliced(capture, random)});
  variants.push_back({"frames cut", rewritten(capture, true, random)});
  variants.push_back({"frames damaged", rewritten(capture, false, random)});
  return variants;
}

}  // namespace flowglyph::fuzz
