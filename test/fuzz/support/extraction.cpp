#include "support/extraction.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

#include "support/check.hpp"

namespace flowglyph::fuzz {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::uint8_t kUnwritten = 0xEE;

// Ends where it ends, so that a sanitizer sees a write beyond it.
class AlignedBuffer {
 public:
  explicit AlignedBuffer(std::size_t bytes)
      : bytes_(bytes), memory_(static_cast<std::byte*>(std::aligned_alloc(kAlignment, bytes)), std::free) {
    FUZZ_CHECK(memory_ != nullptr);
    std::memset(memory_.get(), kUnwritten, bytes);
  }
  std::span<std::byte> span() { return {memory_.get(), bytes_}; }

 private:
  std::size_t bytes_;
  std::unique_ptr<std::byte, decltype(&std::free)> memory_;
};

const std::uint8_t* rowOf(const Extraction& extraction, const BatchLayout& layout, Column column,
                          std::size_t row) {
  return extraction.columns[static_cast<std::size_t>(column)].data() + row * layout.rowBytes(column);
}

template <typename T>
T cell(const Extraction& extraction, const BatchLayout& layout, Column column, std::size_t row) {
  return loadNative<T>(rowOf(extraction, layout, column, row));
}

void checkRow(const Extraction& all, const BatchLayout& layout, const ExtractOptions& options,
              std::size_t files, std::size_t row) {
  const auto imageBytes = cell<std::uint16_t>(all, layout, Column::kImageBytes, row);
  FUZZ_CHECK(imageBytes <= kImageBytes);
  const std::uint8_t* image = rowOf(all, layout, Column::kImages, row);
  FUZZ_CHECK(std::all_of(image + imageBytes, image + kImageBytes, [](std::uint8_t b) { return b == 0; }));
  FUZZ_CHECK(cell<std::int64_t>(all, layout, Column::kStartNs, row) <=
             cell<std::int64_t>(all, layout, Column::kEndNs, row));
  FUZZ_CHECK(cell<std::uint32_t>(all, layout, Column::kInitiatorPackets, row) > 0);
  FUZZ_CHECK(cell<std::uint32_t>(all, layout, Column::kCaptureGroup, row) < files);
  FUZZ_CHECK(cell<std::uint8_t>(all, layout, Column::kEndReason, row) < kEndReasons);
  FUZZ_CHECK(options.protocols.has(cell<std::uint8_t>(all, layout, Column::kProtocol, row)));
  const auto version = cell<std::uint8_t>(all, layout, Column::kIpVersion, row);
  FUZZ_CHECK(version == 4 || version == 6);
  if (version == 4) {
    for (const Column column : {Column::kInitiatorAddress, Column::kResponderAddress}) {
      const std::uint8_t* address = rowOf(all, layout, column, row);
      FUZZ_CHECK(std::all_of(address + 4, address + 16, [](std::uint8_t b) { return b == 0; }));
    }
  }
}

void checkSummary(const Extraction& all, const BatchLayout& layout) {
  const ExtractSummary& summary = all.summary;
  std::uint64_t accounted = summary.sessionPackets, inRows = 0, ended = 0;
  for (const SkippedCount& skipped : summary.skipped) {
    FUZZ_CHECK(skipped.records > 0);
    accounted += skipped.records;
  }
  FUZZ_CHECK(accounted == summary.packets);
  for (std::size_t row = 0; row < all.rows; ++row) {
    inRows += cell<std::uint32_t>(all, layout, Column::kInitiatorPackets, row);
    inRows += cell<std::uint32_t>(all, layout, Column::kResponderPackets, row);
  }
  FUZZ_CHECK(inRows == summary.sessionPackets);
  FUZZ_CHECK(all.rows == summary.emittedSessions());
  for (const std::uint64_t count : summary.ended) ended += count;
  FUZZ_CHECK(ended == all.rows);
  FUZZ_CHECK(!summary.source.truncated || !summary.source.warnings.empty());
}

}  // namespace

Extraction extractAll(const std::vector<std::string>& paths, const ExtractOptions& options,
                      const Pace& pace) {
  const BatchLayout layout(pace.rowsPerBatch, options.sequence);
  AlignedBuffer buffer(layout.totalBytes);
  const std::atomic<bool> stop{false};
  Extraction all;
  all.columns.resize(kColumns);
  Extractor extractor(paths, options);
  std::uint64_t calls = 0;
  while (!extractor.done()) {
    std::size_t rows = 0;
    try {
      rows = extractor.next(layout, buffer.span(), pace.budgetBytes, stop);
    } catch (const CaptureError& error) {
      all.errors.push_back(error.what());
    }
    FUZZ_CHECK(rows <= pace.rowsPerBatch);
    for (std::size_t i = 0; i < kColumns; ++i) {
      const auto column = static_cast<Column>(i);
      const std::size_t rowBytes = layout.rowBytes(column);
      const auto* from = reinterpret_cast<const std::uint8_t*>(buffer.span().data()) + layout[column];
      all.columns[i].insert(all.columns[i].end(), from, from + rows * rowBytes);
    }
    all.rows += rows;
    // Every call brings rows, or reads on, or gets a file open or closed.
    ++calls;
    all.summary = extractor.summary();
    FUZZ_CHECK(pace.live || calls <= all.rows + all.summary.packets + all.summary.source.bytesRead / 16 +
                                         8 * paths.size() + 8);
  }
  FUZZ_CHECK(extractor.next(layout, buffer.span(), pace.budgetBytes, stop) == 0);
  all.summary = extractor.summary();
  for (std::size_t row = 0; row < all.rows; ++row) checkRow(all, layout, options, paths.size(), row);
  checkSummary(all, layout);
  return all;
}

void checkSame(const Extraction& a, const Extraction& b) {
  FUZZ_CHECK(a.rows == b.rows);
  for (std::size_t i = 0; i < kColumns; ++i) FUZZ_CHECK(a.columns[i] == b.columns[i]);
  const ExtractSummary &one = a.summary, &other = b.summary;
  FUZZ_CHECK(one.packets == other.packets && one.sessionPackets == other.sessionPackets);
  FUZZ_CHECK(one.sessions == other.sessions && one.ended == other.ended);
  FUZZ_CHECK(one.shortenedSessions == other.shortenedSessions && one.peakSessions == other.peakSessions);
  FUZZ_CHECK(one.retransmissions == other.retransmissions && one.outOfOrder == other.outOfOrder &&
             one.gaps == other.gaps);
  FUZZ_CHECK(one.fragments.datagrams == other.fragments.datagrams &&
             one.fragments.incomplete == other.fragments.incomplete &&
             one.fragments.evicted == other.fragments.evicted &&
             one.fragments.overlapping == other.fragments.overlapping &&
             one.fragments.duplicates == other.fragments.duplicates);
  FUZZ_CHECK(one.layers == other.layers && one.linktypeRecords == other.linktypeRecords);
  FUZZ_CHECK(one.skipped.size() == other.skipped.size());
  for (std::size_t i = 0; i < one.skipped.size(); ++i)
    FUZZ_CHECK(one.skipped[i].reason == other.skipped[i].reason &&
               one.skipped[i].records == other.skipped[i].records);
  FUZZ_CHECK(one.source.truncated == other.source.truncated &&
             one.source.linktypes == other.source.linktypes &&
             one.source.warnings.size() == other.source.warnings.size());
  FUZZ_CHECK(a.errors.size() == b.errors.size());
}

ExtractOptions drawOptions(Draw& draw) {
  constexpr std::uint64_t kMillisecond = 1'000'000;
  constexpr std::array<std::uint64_t, 8> kTimeouts = {0,
                                                      kMillisecond,
                                                      100 * kMillisecond,
                                                      2000 * kMillisecond,
                                                      5000 * kMillisecond,
                                                      60'000 * kMillisecond,
                                                      120'000 * kMillisecond,
                                                      1'800'000 * kMillisecond};
  constexpr std::array<std::size_t, 4> kMemory = {std::size_t{512} << 20, 0, std::size_t{256} << 10,
                                                  std::size_t{8} << 20};
  ExtractOptions options;
  options.view = static_cast<View>(draw.below(3));
  options.mask = static_cast<Mask>(draw.below(3));
  options.order = static_cast<Order>(draw.below(2));
  options.idleTimeoutNs = kTimeouts[draw.below(8)];
  options.activeTimeoutNs = kTimeouts[draw.below(8)];
  options.closeTimeoutNs = kTimeouts[draw.below(8)];
  options.memoryBytes = kMemory[draw.below(4)];
  const std::uint16_t tunnels = draw.u16();
  options.decap = tunnels % 4 == 0 ? 0 : tunnels % 4 == 1 ? tunnels & kAllTunnels : kAllTunnels;
  const std::uint8_t protocols = draw.u8();
  if (protocols % 3 == 1)
    for (unsigned protocol = 0; protocol < 256; ++protocol)
      options.protocols.add(static_cast<std::uint8_t>(protocol));
  if (protocols % 3 == 2) options.protocols = {kTcp, protocols};
  const std::uint8_t sequence = draw.u8();
  options.sequence = sequence % 2 == 0 ? 0 : sequence % 40;
  draw.u8();
  return options;
}

std::string describe(const ExtractOptions& options) {
  constexpr const char *kViews[] = {"pcap", "l3", "l7"}, *kMasks[] = {"none", "identity", "stack"};
  std::string text = "view " + std::string(kViews[static_cast<std::size_t>(options.view)]) + ", mask " +
                     kMasks[static_cast<std::size_t>(options.mask)] + ", order " +
                     (options.order == Order::kStream ? "stream" : "capture");
  text += ", idle " + std::to_string(options.idleTimeoutNs) + " ns, active " +
          std::to_string(options.activeTimeoutNs) + " ns, close " + std::to_string(options.closeTimeoutNs) +
          " ns, memory " + std::to_string(options.memoryBytes) + ", decap " + std::to_string(options.decap) +
          ", sequence " + std::to_string(options.sequence) + ", threads " + std::to_string(options.threads) +
          (options.inputMethod == InputMethod::kMap ? ", mapped" : "");
  return text;
}

}  // namespace flowglyph::fuzz
