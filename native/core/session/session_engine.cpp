#include "session/session_engine.hpp"

#include <algorithm>
#include <limits>

namespace flowglyph {
namespace {

// Packets filled at a time. One thread: so few that they stay in the first-level cache between parsing and
// sessions. Several: so many that the threads meet seldom.
constexpr std::size_t kChunkAlone = 512, kChunkTogether = 2048;
// More shards than threads, so that a thread that is done early finds more to do.
constexpr std::size_t kShardsPerThread = 2;
// Rows below this are written faster by one thread.
constexpr std::size_t kRowsTogether = 512;

bool before(const EndedSession& a, const EndedSession& b) {
  return a.at != b.at ? a.at < b.at : a.ordinal < b.ordinal;
}

}  // namespace

SessionEngine::SessionEngine(std::vector<std::string> paths, const ExtractOptions& options)
    : kernel_(selectImageKernel()),
      governor_(options),
      pool_(governor_.capacity(), options.sequence),
      feed_(std::move(paths), options, options.threads > 1 ? options.threads * kShardsPerThread : 1),
      team_(options.threads),
      early_(options.early),
      slotsAPacket_(SessionShard::slotsAPacket(options)) {
  const std::size_t shards = options.threads > 1 ? options.threads * kShardsPerThread : 1;
  for (std::size_t i = 0; i < shards; ++i)
    shards_.push_back(std::make_unique<SessionShard>(static_cast<std::uint16_t>(i), options, kernel_, pool_));
}

std::size_t SessionEngine::next(const BatchLayout& layout, std::span<std::byte> buffer,
                                std::uint64_t budgetBytes, const std::atomic<bool>& stop) {
  BatchWriter writer(layout, buffer, kernel_);
  feed_.source().waitUntil(RecordSource::Clock::now() + Extractor::kLiveStep, stop);
  const std::uint64_t startBytes = feed_.source().totals().bytesRead;
  bool progressed = false;
  while (writer.room() > 0 && !stop.load(std::memory_order_relaxed)) {
    if (rowsLeft()) {
      emit(writer);
    } else if (packetsLeft()) {
      processRun();
    } else if (flushDue_) {
      flush();
    } else if (ended_ && !error_) {
      break;
    } else if (error_ && !(aheadFilled_ && ahead_.packets.empty() && ahead_.endOfFile)) {
      // The rows before it go out first. What follows it at once may be the end of the file that failed.
      if (!aheadFilled_ && !ended_) {
        feed_.fill(ahead_, 1);
        aheadFilled_ = true;
        continue;
      }
      if (writer.rows() > 0) break;
      const CaptureError error = std::move(*error_);
      error_.reset();
      throw error;
    } else if (!aheadFilled_ && current_.waiting) {
      // Once: the next call asks again.
      current_.waiting = false;
      break;
    } else {
      // At least one chunk: a budget of 0 must not stand still.
      if (progressed && feed_.source().totals().bytesRead - startBytes >= budgetBytes) break;
      progressed = true;
      nextChunk();
    }
  }
  return writer.rows();
}

void SessionEngine::nextChunk() {
  if (!aheadFilled_) feed_.fill(ahead_, team_.threads() > 1 ? kChunkTogether : kChunkAlone);
  aheadFilled_ = false;
  std::swap(current_, ahead_);
  nextPacket_ = 0;
  if (current_.endOfFile) flushDue_ = true;
  if (current_.end) ended_ = true;
  if (current_.error) error_ = current_.error;
}

// The packets up to the next checkpoint or the end of the chunk, by all shards; meanwhile the feed fills the
// next chunk.
void SessionEngine::processRun() {
  if (nextOrdinal_ == nextCheck_) {
    nextCheck_ += governor_.interval();
    notePeak();
    governor_.check(nextOrdinal_, pool_, shards_, hash_);
    collectEnded();
    if (rowsLeft()) return;  // their slots must be free before others are filled
  }
  const auto first = static_cast<std::uint32_t>(nextPacket_);
  const auto last = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(current_.packets.size(), first + (nextCheck_ - nextOrdinal_)));
  const auto tickBefore = [](const TickEvent& tick, std::size_t packet) { return tick.packet < packet; };
  const auto firstTick = std::lower_bound(current_.ticks.begin(), current_.ticks.end(), first, tickBefore);
  const auto lastTick = std::lower_bound(firstTick, current_.ticks.end(), last, tickBefore);
  const PacketRun run{current_.packets, first, last, nextOrdinal_, {firstTick, lastTick}};

  const auto turnBefore = [](const PacketTurn& turn, std::size_t packet) { return turn.packet < packet; };
  std::vector<std::span<const PacketTurn>> turns(shards_.size());
  std::vector<SessionPool::Demand> demands(shards_.size());
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    const auto& list = current_.shards[i];
    turns[i] = {std::lower_bound(list.begin(), list.end(), first, turnBefore),
                std::lower_bound(list.begin(), list.end(), last, turnBefore)};
    demands[i] = {&shards_[i]->freeSlots(), turns[i].size() * slotsAPacket_};
  }
  pool_.provide(demands);

  const bool fill = team_.threads() > 1 && !aheadFilled_ && !current_.end && !current_.error && !live();
  team_.run(shards_.size() + (fill ? 1 : 0), [&](std::size_t task) {
    if (!fill) {
      shards_[task]->process(run, turns[task]);
    } else if (task > 0) {
      shards_[task - 1]->process(run, turns[task - 1]);
    } else {
      feed_.fill(ahead_, kChunkTogether);
      aheadFilled_ = true;
    }
  });
  nextPacket_ = last;
  nextOrdinal_ += last - first;
  collectEnded();
}

// Where memory is looked at, and before the end: elsewhere the number would depend on how packets fall into
// runs.
void SessionEngine::notePeak() {
  std::uint64_t live = 0;
  for (const auto& shard : shards_) live += shard->live();
  peakSessions_ = std::max(peakSessions_, live);
}

void SessionEngine::collectEnded() {
  rows_.clear();
  nextRow_ = 0;
  for (const auto& shard : shards_) {
    if (!early_) rows_.insert(rows_.end(), shard->ended().begin(), shard->ended().end());
    // What had its row already only frees its slot.
    for (const EndedSession& ended :
         early_ ? std::span<const EndedSession>(shard->ended()) : std::span<const EndedSession>()) {
      Session& session = pool_.session(ended.slot);
      if (session.reported == 0) {
        rows_.push_back(ended);
        continue;
      }
      totals_.addTcp(session);
      session.markFree();
      shard->freeSlots().push_back(ended.slot);
    }
    shard->ended().clear();
  }
  if (!std::is_sorted(rows_.begin(), rows_.end(), before)) std::sort(rows_.begin(), rows_.end(), before);
}

void SessionEngine::flush() {
  flushDue_ = false;
  notePeak();
  team_.run(shards_.size(), [&](std::size_t shard) { shards_[shard]->flush(nextOrdinal_); });
  collectEnded();
}

void SessionEngine::emit(BatchWriter& writer) {
  const std::size_t count = std::min(rows_.size() - nextRow_, writer.room());
  const std::span<const EndedSession> rows(rows_.data() + nextRow_, count);
  const std::size_t parts = count < kRowsTogether ? 1 : team_.threads();
  std::vector<RowTotals> totals(parts);
  team_.run(parts, [&](std::size_t part) {
    for (std::size_t i = count * part / parts; i < count * (part + 1) / parts; ++i) {
      if (i + 2 < count) pool_.prefetch(rows[i + 2].slot);
      writer.write(i, pool_, rows[i].slot, rows[i].reason);
      totals[part].add(pool_.session(rows[i].slot), rows[i].reason, rows[i].shortened);
    }
  });
  for (const RowTotals& part : totals) totals_ += part;
  for (const EndedSession& row : rows) {
    pool_.session(row.slot).markFree();
    shards_[row.shard]->freeSlots().push_back(row.slot);
  }
  writer.advance(count);
  nextRow_ += count;
}

ExtractSummary SessionEngine::summary() const {
  ExtractSummary summary;
  const PacketFeed::Counts& counts = feed_.counts();
  summary.packets = counts.records;
  summary.sessionPackets = counts.sessionRecords;
  summary.source = feed_.source().totals();
  summary.sessions = totals_.sessions;
  summary.ended = totals_.ended;
  summary.shortenedSessions = totals_.shortened;
  summary.peakSessions = peakSessions_;
  summary.retransmissions = totals_.retransmissions;
  summary.outOfOrder = totals_.outOfOrder;
  summary.gaps = totals_.gaps;
  summary.fragments = feed_.fragments();
  for (std::size_t i = 1; i < kSkipReasons; ++i)
    if (counts.skipped[i] != 0) summary.skipped.push_back({kSkipReasonNames[i], counts.skipped[i]});
  summary.layers = counts.layers.totals();
  summary.linktypeRecords = counts.linktypes;
  return summary;
}

}  // namespace flowglyph
