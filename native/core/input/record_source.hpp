// The records of all inputs, one file after the other or merged by time: opens, decompresses, recognises,
// reads, and gathers what went wrong. What the engine reads from.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "capture_error.hpp"
#include "input/record.hpp"
#include "options.hpp"

namespace flowglyph {

struct SourceTotals {
  std::uint64_t bytesRead = 0;   // of the files, as they are on disk: compressed bytes count as such
  std::uint64_t totalBytes = 0;  // of all inputs, 0 when not known (standard input, a file that is followed)
  bool truncated = false;        // some input ended in the middle of a record
  std::vector<std::uint16_t> linktypes;  // in order of first appearance
  std::vector<std::string>
      warnings;  // "a.pcap: truncated at byte offset 1234: record needs 60 bytes, 12 left"
};

class RecordSource {
 public:
  using Clock = std::chrono::steady_clock;

  RecordSource(std::vector<std::string> paths, const ExtractOptions& options);
  ~RecordSource();
  RecordSource(const RecordSource&) = delete;
  RecordSource& operator=(const RecordSource&) = delete;

  enum class Status : std::uint8_t {
    kRecords,    // `count` records
    kWaiting,    // none yet: the input is live, and silent until the deadline
    kEndOfFile,  // sessions end here. Where files are merged: once, after the last
    kFailed,     // an input cannot be opened or read on, or is no capture: error() says why. Goes on with the
                 // next
    kEnd,        // no more
  };
  struct Result {
    Status status;
    std::size_t count;
  };

  // Fills `records` from the front. A failed file gives kFailed after its last records; then kEndOfFile where
  // any came.
  Result read(std::span<Record> records);
  // Why the last read() said kFailed.
  const CaptureError& error() const;

  // The records of the last read() stay valid for as long as what this appends is kept, in whatever thread;
  // without it until the next read(). So: after each read() whose records are to live on.
  void hold(std::vector<std::shared_ptr<const void>>& into);

  // A live input is read until `deadline`, or until soon after `stop` becomes true: from then on it counts as
  // silent. `stop` has to live until the next call, or as long as this.
  void waitUntil(Clock::time_point deadline, const std::atomic<bool>& stop);
  // From any thread: live and followed inputs end where they are now.
  void finish();
  // The current input is a pipe, a socket, a terminal, or a file that is followed.
  bool live() const;
  bool done() const;  // the next read() says kEnd
  const SourceTotals& totals() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace flowglyph
