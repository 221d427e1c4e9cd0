// Runs an Extractor to its end and unpacks its batches into rows that a test can compare.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "captures.hpp"
#include "extractor.hpp"

namespace flowglyph::test {

struct Row {
  ByteVector image;
  std::int64_t startNs, endNs;
  std::uint64_t initiatorBytes, responderBytes;
  std::uint32_t initiatorPackets, responderPackets, captureGroup;
  std::array<std::uint8_t, 16> initiatorAddress, responderAddress;
  std::uint16_t initiatorPort, responderPort, imageBytes;
  std::uint8_t ipVersion, protocol;
  EndReason endReason;
  std::uint32_t retransmissions, outOfOrder, gaps, gapBytes;
  std::uint8_t initiatorTcpFlags, responderTcpFlags, tunnelDepth;
  std::uint16_t sequenceCount;
  std::vector<std::int64_t> sequenceGapNs;
  std::vector<std::uint16_t> sequenceLength;
  ByteVector sequenceDirection;

  bool operator==(const Row&) const = default;
};

struct Extracted {
  std::vector<Row> rows;
  ExtractSummary summary;
  std::string errorCode, errorMessage;  // of the first CaptureError

  std::uint64_t skipped(std::string_view reason) const;
};

// No timeouts, no mask, view l3: what most tests want as a start.
ExtractOptions plainOptions();

// `rowsPerBatch` small: batches end in the middle of everything. Checks the accounting identity on the way.
Extracted extract(const std::vector<std::string>& paths, const ExtractOptions& options = plainOptions(),
                  std::size_t rowsPerBatch = 64);
Extracted extractBytes(const ByteVector& capture, const ExtractOptions& options = plainOptions(),
                       std::size_t rowsPerBatch = 64);

ByteVector padded(ByteVector image);  // zeros up to kImageBytes, or cut to it

}  // namespace flowglyph::test
