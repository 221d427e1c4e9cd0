// The way from captures to rows: feed -> shards -> rows in order. One engine belongs to one thread at a time;
// it brings its own helpers. While the shards work on one chunk of packets, the feed fills the next.
//
// The rows are the same for any number of threads and any hash secret: they are sorted by the packet at which
// their session ended, and by the session's first packet.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "extractor.hpp"
#include "session/batch_writer.hpp"
#include "session/memory_governor.hpp"
#include "session/packet_feed.hpp"
#include "task_team.hpp"

namespace flowglyph {

class SessionEngine {
 public:
  SessionEngine(std::vector<std::string> paths, const ExtractOptions& options);

  // As Extractor::next.
  std::size_t next(const BatchLayout& layout, std::span<std::byte> buffer, std::uint64_t budgetBytes,
                   const std::atomic<bool>& stop);
  bool done() const { return ended_ && !rowsLeft(); }
  bool live() const { return feed_.source().live(); }
  void finish() { feed_.source().finish(); }
  ExtractSummary summary() const;

 private:
  bool rowsLeft() const { return nextRow_ < rows_.size(); }
  bool packetsLeft() const { return nextPacket_ < current_.packets.size(); }
  void nextChunk();
  void processRun();
  void notePeak();
  void collectEnded();
  void flush();
  void emit(BatchWriter& writer);

  ImageKernel kernel_;
  MemoryGovernor governor_;
  SessionPool pool_;
  std::vector<std::unique_ptr<SessionShard>> shards_;
  KeyHash hash_;
  PacketFeed feed_;
  TaskTeam team_;
  const bool early_;
  const std::size_t slotsAPacket_;

  PacketChunk current_, ahead_;
  bool aheadFilled_ = false;
  std::size_t nextPacket_ = 0;     // in current_
  std::uint64_t nextOrdinal_ = 0;  // of that packet among all
  std::uint64_t nextCheck_ = 0;    // the packet before which the governor looks at memory
  bool flushDue_ = false, ended_ = false;
  std::optional<CaptureError> error_;

  std::vector<EndedSession> rows_;  // ended, in order
  std::size_t nextRow_ = 0;
  RowTotals totals_;
  std::uint64_t peakSessions_ = 0;
};

}  // namespace flowglyph
