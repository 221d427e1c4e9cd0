// Capture files in, batches of sessions out: the one entry point that addons, tools and tests use.
// Nothing here knows Node-API. Thread-compatible: one Extractor belongs to one thread at a time.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "capture_error.hpp"
#include "input/record_source.hpp"
#include "options.hpp"
#include "parse/layer.hpp"
#include "session_batch.hpp"
#include "stream/defragmenter.hpp"

namespace flowglyph {

struct SkippedCount {
  std::string_view reason;  // stable camelCase name, e.g. "fragmentTail", "unknownLinktype", "notIp"
  std::uint64_t records;
};

// What happened so far, over all files. At the end packets == sessionPackets + sum of skipped.
struct ExtractSummary {
  std::uint64_t packets = 0;         // records read
  std::uint64_t sessionPackets = 0;  // records that became part of a session
  SourceTotals source;
  std::array<std::uint64_t, 256> sessions{};       // emitted, by IP protocol number
  std::array<std::uint64_t, kEndReasons> ended{};  // emitted, by EndReason
  std::uint64_t shortenedSessions = 0;  // of those with kIdleTimeout: ended before their time to save memory
  std::uint64_t peakSessions = 0;  // live at one time, looked at every few thousand packets and at the end
  std::uint64_t retransmissions = 0, outOfOrder = 0, gaps = 0;  // TCP, of the emitted sessions
  FragmentTotals fragments;
  std::vector<SkippedCount> skipped;                                     // reasons with a count above 0
  std::array<std::uint64_t, kLayers> layers{};                           // records that held each layer
  std::vector<std::pair<std::uint16_t, std::uint64_t>> linktypeRecords;  // in order of first appearance

  std::uint64_t emittedSessions() const;
};

class Extractor {
 public:
  // `paths` are read in order, each on its own (sessions never span files), or merged; "-" is standard input.
  // Throws CaptureError only from next(), when the file's turn comes.
  Extractor(std::vector<std::string> paths, const ExtractOptions& options);
  ~Extractor();
  Extractor(const Extractor&) = delete;
  Extractor& operator=(const Extractor&) = delete;

  // Works until `buffer` (laid out by `layout`, 64-byte aligned) holds layout.capacity sessions, all input is
  // used up, `budgetBytes` of input were read (so that progress and abort stay responsive), `stop` is true,
  // or kLiveStep has passed in reading a live input and waiting for it. Returns how many rows were written,
  // maybe none; done() tells whether there will be more. The next call goes on where this one stopped.
  std::size_t next(const BatchLayout& layout, std::span<std::byte> buffer, std::uint64_t budgetBytes,
                   const std::atomic<bool>& stop);
  bool done() const;
  // Reading from a pipe, a socket or a terminal: when the next session will end, nobody knows, so rows should
  // go out after every call.
  bool live() const;
  // From any thread: live and followed inputs end where they are now, and their sessions with them.
  void finish();
  ExtractSummary summary() const;

  // How long a row that ended waits for others to fill its batch, while the input is live. Wall clock, and it
  // decides how rows are dealt into batches, never what is in them.
  static constexpr std::chrono::milliseconds kLiveStep{200};

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace flowglyph
