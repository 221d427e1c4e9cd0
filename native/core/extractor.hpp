// Capture files in, batches of sessions out: the one entry point that addons, tools and tests use.
// Nothing here knows Node-API. Thread-compatible: one Extractor belongs to one thread at a time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "options.hpp"
#include "session_batch.hpp"

namespace flowglyph {

// An unreadable input. Damaged records are not errors: they are counted. `code` is one of FlowglyphError's
// stable codes.
class CaptureError : public std::runtime_error {
 public:
  CaptureError(std::string_view code, const std::string& message)
      : std::runtime_error(message), code_(code) {}
  const std::string& code() const { return code_; }

 private:
  std::string code_;
};

struct SkippedCount {
  std::string_view reason;  // stable camelCase name, e.g. "fragmentTail", "unknownLinktype", "notIp"
  std::uint64_t records;
};

// What happened so far, over all files. packets == sessionPackets + sum of skipped.
struct ExtractSummary {
  std::uint64_t packets = 0;         // records read
  std::uint64_t sessionPackets = 0;  // records that became part of a session
  std::uint64_t bytesRead = 0;
  std::uint64_t totalBytes = 0;                    // of all inputs, 0 when not known (standard input)
  std::uint64_t tcpSessions = 0, udpSessions = 0;  // emitted sessions
  std::uint64_t evictedSessions = 0;
  std::vector<std::uint16_t> linktypes;  // in order of first appearance
  std::vector<SkippedCount> skipped;     // reasons with a count above 0
  bool truncated = false;                // some input ended in the middle of a record
  std::vector<std::string>
      warnings;  // e.g. "a.pcap: truncated at byte offset 1234: record needs 60 bytes, 12 left"
};

class Extractor {
 public:
  // `paths` are read in order, each on its own (sessions never span files); "-" is standard input.
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
  ExtractSummary summary() const;

  // How long a row that ended waits for others to fill its batch, while the input is live. Wall clock, and it
  // decides how rows are dealt into batches, never what is in them.
  static constexpr std::chrono::milliseconds kLiveStep{200};

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace flowglyph
