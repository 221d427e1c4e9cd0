// Where a capture file can be cut in a way that means something: between and inside everything that a reader
// and a parser tell apart. Finds the records itself; where headers lie in a frame it asks the parser.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "bytes.hpp"

namespace flowglyph::fuzz {

enum class BoundaryKind : std::uint8_t {
  kFileHeader,  // inside that of pcap, or of pcapng's section header block
  kRecordStart,
  kRecordHeader,  // inside
  kBodyStart,
  kLinkHeader,  // inside
  kIpStart,
  kIpHeader,   // inside
  kIpOptions,  // inside options or extension headers
  kTransportStart,
  kTransportHeader,  // inside
  kTcpOptions,       // inside
  kPayload,          // its first byte, or inside
  kRecordEnd,        // one byte before
  kInterface,        // inside an interface description block
  kOtherBlock,       // inside a block of another type
  kBlockTrailer,     // inside pcapng's second length
};
inline constexpr std::array<std::string_view, 16> kBoundaryNames = {
    "file header",     "record start", "record header",   "body start",       "link header", "IP start",
    "IP header",       "IP options",   "transport start", "transport header", "TCP options", "payload",
    "end of a record", "interface",    "other block",     "block trailer"};
inline constexpr std::size_t kBoundaryKinds = kBoundaryNames.size();

// A length field, for contradicting it.
struct LengthField {
  std::size_t offset;
  std::uint8_t bytes;
  bool bigEndian;
};

struct CaptureShape {
  std::array<std::vector<std::size_t>, kBoundaryKinds> boundaries;  // offsets in the file, in order
  std::vector<LengthField> lengths;                                 // of records, blocks, IP, UDP
};

// Of what is neither pcap nor pcapng (compressed, other formats): nothing.
CaptureShape shapeOf(Bytes capture);

}  // namespace flowglyph::fuzz
