// A batch of ended sessions: images and columns in one allocation, so that it crosses to JavaScript once,
// without a copy. To add a column: an enumerator, a row of kColumnTable, and the line that writes it
// (session/batch_writer.cpp); bindings/capture/batch.ts says what it means to JavaScript.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "options.hpp"

namespace flowglyph {

// Why a session ended. Values are stable: they are written to datasets.
enum class EndReason : std::uint8_t {
  kEndOfInput = 0,
  kIdleTimeout = 1,
  kActiveTimeout = 2,
  kEvicted = 3,  // the memory cap
  kFin = 4,      // closed by both sides
  kRst = 5,
  kEarly = 6,  // it goes on: ExtractOptions::early
};
inline constexpr std::array<std::string_view, 7> kEndReasonNames = {
    "endOfInput", "idleTimeout", "activeTimeout", "evicted", "fin", "rst", "early"};
inline constexpr std::size_t kEndReasons = kEndReasonNames.size();

enum class ColumnType : std::uint8_t { kU8, kU16, kU32, kI64, kU64 };

enum class Column : std::uint8_t {
  kImages,
  kStartNs,
  kEndNs,
  kInitiatorBytes,
  kResponderBytes,
  kInitiatorPackets,
  kResponderPackets,
  kCaptureGroup,
  kRetransmissions,
  kOutOfOrder,
  kGaps,
  kGapBytes,
  kInitiatorAddress,
  kResponderAddress,
  kInitiatorPort,
  kResponderPort,
  kImageBytes,
  kSequenceCount,
  kIpVersion,
  kProtocol,
  kEndReason,
  kInitiatorTcpFlags,
  kResponderTcpFlags,
  kTunnelDepth,
  kSequenceGapNs,
  kSequenceLength,
  kSequenceDirection,
};

struct ColumnInfo {
  std::string_view name;
  ColumnType type;
  std::uint16_t width;  // values in a row; kPerSequence: as many as ExtractOptions::sequence
};
inline constexpr std::uint16_t kPerSequence = 0xFFFF;

inline constexpr std::array<ColumnInfo, 27> kColumnTable = {{
    {"images", ColumnType::kU8, kImageBytes},
    {"startNs", ColumnType::kI64, 1},  // of the first and the latest packet, since the epoch, capture time
    {"endNs", ColumnType::kI64, 1},
    {"initiatorBytes", ColumnType::kU64, 1},  // IP layer, original lengths
    {"responderBytes", ColumnType::kU64, 1},
    {"initiatorPackets", ColumnType::kU32, 1},
    {"responderPackets", ColumnType::kU32, 1},
    {"captureGroup", ColumnType::kU32, 1},      // of the first packet: index of the capture file
    {"retransmissions", ColumnType::kU32, 1},   // TCP segments, both ways: nothing new in them
    {"outOfOrder", ColumnType::kU32, 1},        // TCP segments that came after a later one
    {"gaps", ColumnType::kU32, 1},              // holes in the TCP sequence that nothing filled
    {"gapBytes", ColumnType::kU32, 1},          // bytes missing in them, at most 2^32 - 1
    {"initiatorAddress", ColumnType::kU8, 16},  // IPv4: first 4 bytes, rest zero
    {"responderAddress", ColumnType::kU8, 16},
    {"initiatorPort", ColumnType::kU16, 1},
    {"responderPort", ColumnType::kU16, 1},
    {"imageBytes", ColumnType::kU16, 1},     // filled by the session: 0 (view l7 without payload) to 784
    {"sequenceCount", ColumnType::kU16, 1},  // packets in the sequence columns
    {"ipVersion", ColumnType::kU8, 1},       // 4 or 6
    {"protocol", ColumnType::kU8, 1},        // IANA number
    {"endReason", ColumnType::kU8, 1},
    {"initiatorTcpFlags", ColumnType::kU8,
     1},  // all that were seen, or-ed: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, ...
    {"responderTcpFlags", ColumnType::kU8, 1},
    {"tunnelDepth", ColumnType::kU8, 1},                   // outer headers removed from the first packet
    {"sequenceGapNs", ColumnType::kI64, kPerSequence},     // time since the packet before, 0 for the first
    {"sequenceLength", ColumnType::kU16, kPerSequence},    // IP packet, original length, at most 65535
    {"sequenceDirection", ColumnType::kU8, kPerSequence},  // 0 initiator, 1 responder
}};
inline constexpr std::size_t kColumns = kColumnTable.size();
static_assert(static_cast<std::size_t>(Column::kSequenceDirection) + 1 == kColumns);

constexpr std::size_t bytesOf(ColumnType type) {
  constexpr std::array<std::size_t, 5> kBytes = {1, 2, 4, 8, 8};
  return kBytes[static_cast<std::size_t>(type)];
}

// Byte offsets of each column for a batch of `capacity` rows; every column starts on a multiple of 64 bytes.
// Row i of a column is `width` values from i * width on. Unused steps of a sequence are zero.
struct BatchLayout {
  explicit BatchLayout(std::size_t capacity, std::size_t sequence = 0);

  std::size_t operator[](Column column) const { return offsets[static_cast<std::size_t>(column)]; }
  std::size_t width(Column column) const;     // values in a row
  std::size_t rowBytes(Column column) const;  // bytes in a row
  // The layout of the rows that are still free after `rows`, in the same memory.
  BatchLayout after(std::size_t rows) const;

  std::size_t capacity, sequence;
  std::array<std::size_t, kColumns> offsets;
  std::size_t totalBytes;
};

}  // namespace flowglyph
