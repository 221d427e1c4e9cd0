// Walks the files: records -> packets -> sessions -> rows, in small groups of records so that memory latency
// overlaps.
#include "extractor.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>

#include "capture_error.hpp"
#include "input/record_source.hpp"
#include "parse/packet.hpp"
#include "session/session_table.hpp"

namespace flowglyph {
namespace {

// Records parsed together: enough for the stages below, few enough that the packets stay in L1.
constexpr std::size_t kGroup = 64;
// A session's memory is asked for in three steps, each needing the one before: table entry, session, end of
// its image. So many packets lie between two steps of one packet.
constexpr std::size_t kLead = 8;

}  // namespace

struct Extractor::State {
  State(std::vector<std::string> inputs, const ExtractOptions& options)
      : source(std::move(inputs), options),
        kernel(selectImageKernel()),
        parse{options.decap, options.protocols, false},
        table(options, kernel) {}

  RecordSource::Status parseGroup();
  void prefetch(std::size_t step);
  bool addGroup(BatchWriter& writer);
  const Linktype* rowOf(std::uint16_t number);

  RecordSource source;
  ImageKernel kernel;
  ParseOptions parse;
  SessionTable table;
  ExtractSummary summary;
  std::array<std::uint64_t, kSkipReasons> skipped{};
  bool inFile = false;  // its sessions have begun
  bool flushing = false;
  std::optional<CaptureError> pendingError;  // thrown once the rows before it were delivered

  std::uint16_t cachedNumber = kNoLinktype;
  const Linktype* cachedRow = nullptr;

  std::array<Record, kGroup> records;
  std::array<Packet, kGroup> packets;
  std::size_t packetCount = 0, packetNext = 0;
};

const Linktype* Extractor::State::rowOf(std::uint16_t number) {
  if (number != cachedNumber) {
    cachedNumber = number;
    cachedRow = findLinktype(number);
  }
  return cachedRow;
}

RecordSource::Status Extractor::State::parseGroup() {
  const auto [status, count] = source.read(records);
  summary.packets += count;
  packetCount = packetNext = 0;
  if (count > 0 && !inFile) {
    inFile = true;
    table.beginFile(records[0].captureGroup);
  }
  for (std::size_t i = 0; i < count; ++i) {
    Packet& packet = packets[packetCount];
    const SkipReason reason = parsePacket(records[i], rowOf(records[i].linktype), parse, packet);
    if (reason != SkipReason::kNone) {
      ++skipped[static_cast<std::size_t>(reason)];
      continue;
    }
    ++packetCount;
    prefetch(packetCount - 1);
  }
  for (std::size_t i = 0; i < 2 * kLead; ++i) prefetch(packetCount + i);
  return status;
}

// Step n of the pipeline: packet n's entry, packet (n - kLead)'s session, packet (n - 2 kLead)'s image.
void Extractor::State::prefetch(std::size_t step) {
  if (step < packetCount) table.prefetchEntry(packets[step]);
  if (step >= kLead && step - kLead < packetCount) table.prefetchSession(packets[step - kLead]);
  if (step >= 2 * kLead && step - 2 * kLead < packetCount) table.prefetchImage(packets[step - 2 * kLead]);
}

// False when the batch is full.
bool Extractor::State::addGroup(BatchWriter& writer) {
  for (; packetNext < packetCount; ++packetNext) {
    if (!table.add(packets[packetNext], writer)) return false;
    ++summary.sessionPackets;
  }
  return true;
}

Extractor::Extractor(std::vector<std::string> paths, const ExtractOptions& options)
    : state_(std::make_unique<State>(std::move(paths), options)) {}

Extractor::~Extractor() = default;

std::size_t Extractor::next(const BatchLayout& layout, std::span<std::byte> buffer, std::uint64_t budgetBytes,
                            const std::atomic<bool>& stop) {
  State& s = *state_;
  BatchWriter writer(layout, buffer, s.kernel);
  s.source.waitUntil(RecordSource::Clock::now() + kLiveStep, stop);
  const std::uint64_t startBytes = s.source.totals().bytesRead;
  bool progressed = false;
  while (!writer.full() && !stop.load(std::memory_order_relaxed)) {
    if (s.packetNext < s.packetCount) {
      if (!s.addGroup(writer)) break;
    } else if (s.flushing) {
      if (s.inFile && !s.table.flush(writer)) break;
      s.flushing = s.inFile = false;
    } else if (s.pendingError) {
      if (writer.rows() > 0) break;
      const CaptureError error = std::move(*s.pendingError);
      s.pendingError.reset();
      throw error;
    } else {
      // At least one group: a budget of 0 must not stand still.
      if (progressed && s.source.totals().bytesRead - startBytes >= budgetBytes) break;
      progressed = true;
      const RecordSource::Status status = s.parseGroup();
      if (status == RecordSource::Status::kWaiting || status == RecordSource::Status::kEnd) break;
      if (status == RecordSource::Status::kFailed) s.pendingError = s.source.error();
      s.flushing = status == RecordSource::Status::kEndOfFile || status == RecordSource::Status::kFailed;
    }
  }
  return writer.rows();
}

bool Extractor::done() const {
  const State& s = *state_;
  return s.source.done() && s.packetNext == s.packetCount && !s.flushing && !s.pendingError;
}

bool Extractor::live() const { return state_->source.live(); }

void Extractor::finish() { state_->source.finish(); }

std::uint64_t ExtractSummary::emittedSessions() const {
  return std::accumulate(sessions.begin(), sessions.end(), std::uint64_t{0});
}

ExtractSummary Extractor::summary() const {
  ExtractSummary summary = state_->summary;
  summary.source = state_->source.totals();
  const SessionTotals& totals = state_->table.totals();
  summary.sessions = totals.sessions;
  summary.ended = totals.ended;
  for (std::size_t i = 1; i < kSkipReasons; ++i)
    if (state_->skipped[i] != 0) summary.skipped.push_back({kSkipReasonNames[i], state_->skipped[i]});
  return summary;
}

}  // namespace flowglyph
