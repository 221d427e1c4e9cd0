// Walks the files: records -> packets -> sessions -> rows, in small groups of records so that memory latency
// overlaps.
#include "extractor.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <optional>

#include "capture_error.hpp"
#include "input/capture_reader.hpp"
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
      : paths(std::move(inputs)),
        kernel(selectImageKernel()),
        parse{options.decap, options.protocols, false},
        table(options, kernel) {
    bool known = true;
    for (const std::string& path : paths) {
      const std::uint64_t size = BlockInput::sizeOf(path);
      known = known && size != 0;
      summary.source.totalBytes += size;
    }
    if (!known) summary.source.totalBytes = 0;
  }

  void openFile();
  bool openReader();
  void closeFile();
  bool parseGroup();
  void prefetch(std::size_t step);
  bool addGroup(BatchWriter& writer);
  void noteLinktypes();
  const Linktype* rowOf(std::uint16_t number);

  std::vector<std::string> paths;
  ImageKernel kernel;
  ParseOptions parse;
  SessionTable table;
  ExtractSummary summary;
  std::array<std::uint64_t, kSkipReasons> skipped{};
  std::uint64_t closedBytes = 0;  // read from the files before this one

  std::size_t nextPath = 0;
  std::optional<BlockInput> input;
  std::unique_ptr<CaptureReader> reader;
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

// Without an input after it, it cannot be opened, and pendingError says why.
void Extractor::State::openFile() {
  try {
    input.emplace(paths[nextPath++]);
  } catch (const CaptureError& error) {
    pendingError = error;
  }
}

// False: the first bytes have not come. Without an input after it, it is no capture, and pendingError says
// why.
bool Extractor::State::openReader() {
  try {
    reader = openCapture(*input);
  } catch (const CaptureError& error) {
    pendingError = error;
    closeFile();
    return true;
  }
  if (reader == nullptr) return false;
  noteLinktypes();
  table.beginFile(static_cast<std::uint32_t>(nextPath - 1));
  return true;
}

void Extractor::State::closeFile() {
  if (input) closedBytes += input->bytesRead();
  summary.source.bytesRead = closedBytes;
  reader.reset();
  input.reset();
  flushing = false;
}

void Extractor::State::noteLinktypes() {
  for (const std::uint16_t linktype : reader->linktypes())
    if (std::find(summary.source.linktypes.begin(), summary.source.linktypes.end(), linktype) ==
        summary.source.linktypes.end())
      summary.source.linktypes.push_back(linktype);
}

// False at the end of the file, and while the input is waiting().
bool Extractor::State::parseGroup() {
  const std::size_t count = reader->read(records);
  summary.packets += count;
  summary.source.bytesRead = closedBytes + input->bytesRead();
  packetCount = packetNext = 0;
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
  if (count > 0) return true;
  if (input->waiting()) return false;

  noteLinktypes();
  for (const std::string& note : reader->notes())
    summary.source.warnings.push_back(input->path() + ": " + note);
  if (const auto& damage = reader->damage()) {
    summary.source.truncated = summary.source.truncated || damage->truncated;
    summary.source.warnings.push_back(input->path() + (damage->truncated ? ": truncated" : ": damaged") +
                                      " at byte offset " + std::to_string(damage->offset) + ": " +
                                      damage->what);
  }
  if (input->readError() != 0) {
    pendingError = CaptureError(kErrIo, input->path() + ": expected to read on at byte offset " +
                                            std::to_string(input->bytesRead()) + ", received " +
                                            std::strerror(input->readError()));
  }
  return false;
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
  const auto deadline = BlockInput::Clock::now() + kLiveStep;
  if (s.input) s.input->waitUntil(deadline, stop);
  const std::uint64_t startBytes = s.summary.source.bytesRead;
  bool progressed = false;
  while (!writer.full() && !stop.load(std::memory_order_relaxed)) {
    if (s.packetNext < s.packetCount) {
      if (!s.addGroup(writer)) break;
    } else if (s.flushing) {
      if (!s.table.flush(writer)) break;
      s.closeFile();
    } else if (s.pendingError) {
      if (writer.rows() > 0) break;
      const CaptureError error = std::move(*s.pendingError);
      s.pendingError.reset();
      throw error;
    } else if (s.reader != nullptr) {
      // At least one group: a budget of 0 must not stand still.
      if (progressed && s.summary.source.bytesRead - startBytes >= budgetBytes) break;
      progressed = true;
      if (!s.parseGroup()) {
        if (s.input->waiting()) break;
        s.flushing = true;
      }
    } else if (s.input) {
      if (!s.openReader()) break;
    } else if (s.nextPath < s.paths.size()) {
      s.openFile();
      if (s.input) s.input->waitUntil(deadline, stop);
    } else {
      break;
    }
  }
  return writer.rows();
}

bool Extractor::done() const {
  const State& s = *state_;
  return !s.input && !s.pendingError && s.nextPath == s.paths.size();
}

bool Extractor::live() const { return state_->input && state_->input->live(); }

void Extractor::finish() {}

std::uint64_t ExtractSummary::emittedSessions() const {
  return std::accumulate(sessions.begin(), sessions.end(), std::uint64_t{0});
}

ExtractSummary Extractor::summary() const {
  ExtractSummary summary = state_->summary;
  const SessionTotals& totals = state_->table.totals();
  summary.sessions = totals.sessions;
  summary.ended = totals.ended;
  for (std::size_t i = 1; i < kSkipReasons; ++i)
    if (state_->skipped[i] != 0) summary.skipped.push_back({kSkipReasonNames[i], state_->skipped[i]});
  return summary;
}

}  // namespace flowglyph
