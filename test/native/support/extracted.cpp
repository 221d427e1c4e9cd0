#include "extracted.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <memory>

namespace flowglyph::test {
namespace {

template <typename T>
T cell(const std::byte* base, std::size_t column, std::size_t row) {
  T value;
  std::memcpy(&value, base + column + row * sizeof(T), sizeof(T));
  return value;
}

template <typename T>
std::vector<T> cells(const std::byte* base, const BatchLayout& layout, Column column, std::size_t row) {
  std::vector<T> values(layout.width(column));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = cell<T>(base, layout[column], row * values.size() + i);
  return values;
}

Row rowOf(const BatchLayout& layout, const std::byte* base, std::size_t i) {
  const auto* image = reinterpret_cast<const std::uint8_t*>(base + layout[Column::kImages] + i * kImageBytes);
  return Row{ByteVector(image, image + kImageBytes),
             cell<std::int64_t>(base, layout[Column::kStartNs], i),
             cell<std::int64_t>(base, layout[Column::kEndNs], i),
             cell<std::uint64_t>(base, layout[Column::kInitiatorBytes], i),
             cell<std::uint64_t>(base, layout[Column::kResponderBytes], i),
             cell<std::uint32_t>(base, layout[Column::kInitiatorPackets], i),
             cell<std::uint32_t>(base, layout[Column::kResponderPackets], i),
             cell<std::uint32_t>(base, layout[Column::kCaptureGroup], i),
             cell<std::array<std::uint8_t, 16>>(base, layout[Column::kInitiatorAddress], i),
             cell<std::array<std::uint8_t, 16>>(base, layout[Column::kResponderAddress], i),
             cell<std::uint16_t>(base, layout[Column::kInitiatorPort], i),
             cell<std::uint16_t>(base, layout[Column::kResponderPort], i),
             cell<std::uint16_t>(base, layout[Column::kImageBytes], i),
             cell<std::uint8_t>(base, layout[Column::kIpVersion], i),
             cell<std::uint8_t>(base, layout[Column::kProtocol], i),
             cell<EndReason>(base, layout[Column::kEndReason], i),
             cell<std::uint32_t>(base, layout[Column::kRetransmissions], i),
             cell<std::uint32_t>(base, layout[Column::kOutOfOrder], i),
             cell<std::uint32_t>(base, layout[Column::kGaps], i),
             cell<std::uint32_t>(base, layout[Column::kGapBytes], i),
             cell<std::uint8_t>(base, layout[Column::kInitiatorTcpFlags], i),
             cell<std::uint8_t>(base, layout[Column::kResponderTcpFlags], i),
             cell<std::uint8_t>(base, layout[Column::kTunnelDepth], i),
             cell<std::uint16_t>(base, layout[Column::kSequenceCount], i),
             cells<std::int64_t>(base, layout, Column::kSequenceGapNs, i),
             cells<std::uint16_t>(base, layout, Column::kSequenceLength, i),
             cells<std::uint8_t>(base, layout, Column::kSequenceDirection, i)};
}

}  // namespace

std::uint64_t Extracted::skipped(std::string_view reason) const {
  for (const SkippedCount& count : summary.skipped)
    if (count.reason == reason) return count.records;
  return 0;
}

ExtractOptions plainOptions() {
  ExtractOptions options;
  options.view = View::kL3;
  options.mask = Mask::kNone;
  options.idleTimeoutNs = options.activeTimeoutNs = 0;
  return options;
}

Extracted extract(const std::vector<std::string>& paths, const ExtractOptions& options,
                  std::size_t rowsPerBatch) {
  const BatchLayout layout(rowsPerBatch, options.sequence);
  // Exactly as large as asked for, so that a sanitizer sees a write beyond it; 0xEE, so that a row left
  // unwritten shows.
  const std::unique_ptr<std::byte, decltype(&std::free)> storage(
      static_cast<std::byte*>(std::aligned_alloc(64, layout.totalBytes)), std::free);
  std::memset(storage.get(), 0xEE, layout.totalBytes);
  const std::atomic<bool> stop{false};
  Extracted result;
  Extractor extractor(paths, options);
  while (!extractor.done()) {
    try {
      const std::size_t rows = extractor.next(layout, {storage.get(), layout.totalBytes}, 1 << 16, stop);
      for (std::size_t i = 0; i < rows; ++i) result.rows.push_back(rowOf(layout, storage.get(), i));
    } catch (const CaptureError& error) {
      if (result.errorCode.empty()) {
        result.errorCode = error.code();
        result.errorMessage = error.what();
      }
    }
  }
  result.summary = extractor.summary();
  std::uint64_t accounted = result.summary.sessionPackets, inRows = 0;
  for (const SkippedCount& count : result.summary.skipped) accounted += count.records;
  for (const Row& row : result.rows) inRows += row.initiatorPackets + row.responderPackets;
  CHECK(accounted == result.summary.packets);
  // Rows that came out early count what there was by then.
  CHECK((options.early ? inRows <= result.summary.sessionPackets : inRows == result.summary.sessionPackets));
  CHECK(result.rows.size() == result.summary.emittedSessions());
  return result;
}

Extracted extractBytes(const ByteVector& capture, const ExtractOptions& options, std::size_t rowsPerBatch) {
  const TempFile file(capture);
  return extract({file.path()}, options, rowsPerBatch);
}

ByteVector padded(ByteVector image) {
  image.resize(kImageBytes);
  return image;
}

}  // namespace flowglyph::test
