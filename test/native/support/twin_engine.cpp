#include "twin_engine.hpp"

#include <algorithm>

namespace flowglyph::test {
namespace {

constexpr std::int64_t kBuckets = 256;

std::int64_t floorDivide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

}  // namespace

bool TwinEngine::closes(const Live& session) const {
  if (options_.closeTimeoutNs == 0 || options_.idleTimeoutNs == 0) return false;
  const unsigned a = session.row.initiatorTcpFlags, b = session.row.responderTcpFlags;
  return ((a | b) & 4) != 0 || ((a & 1) != 0 && (b & 1) != 0);
}

EndReason TwinEngine::closeReason(const Live& session) const {
  const bool reset = ((session.row.initiatorTcpFlags | session.row.responderTcpFlags) & 4) != 0;
  return reset ? EndReason::kRst : EndReason::kFin;
}

std::int64_t TwinEngine::deadline(const Live& session) const {
  const auto idle = static_cast<std::int64_t>(options_.idleTimeoutNs);
  const auto close = static_cast<std::int64_t>(options_.closeTimeoutNs);
  return session.row.endNs + (closes(session) ? std::min(close, idle) : idle);
}

void TwinEngine::place(Live& session) const {
  const auto granularity = static_cast<std::int64_t>((options_.idleTimeoutNs + 127) / 128);
  session.wheelTick = std::max(floorDivide(deadline(session), granularity), tick_);
}

void TwinEngine::end(const Key& key, EndReason reason, int phase) {
  const Live& session = live_.at(key);
  if (!session.reported) ended_.push_back({next_, phase, session.ordinal, finished(session.row, reason)});
  live_.erase(key);
}

Row TwinEngine::finished(Row row, EndReason reason) const {
  row.endReason = reason;
  row.imageBytes = static_cast<std::uint16_t>(std::min(row.image.size(), kImageBytes));
  row.image.resize(kImageBytes);
  row.sequenceCount = static_cast<std::uint16_t>(row.sequenceLength.size());
  row.sequenceLength.resize(options_.sequence);
  row.sequenceGapNs.resize(options_.sequence);
  row.sequenceDirection.resize(options_.sequence);
  return row;
}

void TwinEngine::checkMemory() {
  if (next_ % interval_ != 0) return;
  const std::size_t used = live_.size();
  sixteenths_ = used > capacity_ / 8 * 7 ? 12 : used > capacity_ / 4 * 3 ? 8 : 0;
  const std::size_t headroom = interval_ * (options_.early ? 2 : 1);
  if (used + headroom <= capacity_) return;
  std::vector<std::tuple<std::uint64_t, std::uint64_t, Key>> oldest;
  for (const auto& [key, session] : live_)
    oldest.emplace_back(session.lastOrdinal / 256, session.ordinal, key);
  std::sort(oldest.begin(), oldest.end());
  const std::size_t wanted = std::min(used + headroom - capacity_ / 8 * 7, used);
  for (std::size_t i = 0; i < wanted; ++i) end(std::get<2>(oldest[i]), EndReason::kEvicted, 0);
}

void TwinEngine::moveClock(std::int64_t timeNs) {
  const auto idle = static_cast<std::int64_t>(options_.idleTimeoutNs);
  if (idle == 0) return;
  const std::int64_t granularity = (idle + 127) / 128;
  const std::int64_t tick = floorDivide(timeNs, granularity), before = tick_;
  const bool back = clockRuns_ && timeNs < tick_ * granularity && tick_ * granularity - timeNs > idle;
  if (!clockRuns_ || back) {
    clockRuns_ = true;
    tick_ = tick;
    return;
  }
  if (tick <= tick_) return;
  tick_ = tick;
  const std::int64_t start = tick * granularity;
  const std::int64_t shortenedBy = idle / 16 * sixteenths_;
  const std::int64_t visitedTicks = tick - before + 8 * static_cast<std::int64_t>(sixteenths_);
  const std::int64_t first = visitedTicks > kBuckets ? 0 : before;
  std::vector<Key> keys;
  for (const auto& [key, session] : live_) keys.push_back(key);
  for (const Key& key : keys) {
    Live& session = live_.at(key);
    const std::int64_t bucket = ((session.wheelTick - first) % kBuckets + kBuckets) % kBuckets;
    if (bucket >= std::min(visitedTicks, kBuckets)) continue;
    const bool own = deadline(session) < start;
    if (!own && start - session.row.endNs <= idle - shortenedBy) {
      place(session);
      continue;
    }
    const bool closed = closes(session);
    shortened_ += !own && !closed && !session.reported ? 1 : 0;
    end(key, closed ? closeReason(session) : EndReason::kIdleTimeout, 1);
  }
}

void TwinEngine::add(const TwinPacket& packet) {
  checkMemory();
  moveClock(packet.timeNs);
  const std::int64_t now = packet.timeNs;
  const Key forward{packet.source, packet.sourcePort, packet.destination, packet.destinationPort, packet.tcp};
  const Key backward{packet.destination, packet.destinationPort, packet.source, packet.sourcePort,
                     packet.tcp};
  const Key key = std::min(forward, backward);

  if (const auto found = live_.find(key); found != live_.end()) {
    const Live& session = found->second;
    const auto reached = [&](std::int64_t since, std::uint64_t timeout) {
      return timeout != 0 && now > since && now - since >= static_cast<std::int64_t>(timeout);
    };
    const std::uint64_t close = std::min(options_.closeTimeoutNs, options_.idleTimeoutNs);
    const bool opens = (packet.tcpFlags & 0x12) == 2;
    if (closes(session) && (opens || reached(session.row.endNs, close))) {
      end(key, closeReason(session), 1);
    } else if (reached(session.row.endNs, options_.idleTimeoutNs)) {
      end(key, EndReason::kIdleTimeout, 1);
    } else if (reached(session.row.startNs, options_.activeTimeoutNs)) {
      end(key, EndReason::kActiveTimeout, 1);
    }
  }
  if (!live_.contains(key)) {
    Live session{};
    session.row.startNs = session.row.endNs = session.lastTimeNs = now;
    session.row.ipVersion = 4;
    session.row.protocol = packet.tcp ? 6 : 17;
    session.row.initiatorPort = packet.sourcePort;
    session.row.responderPort = packet.destinationPort;
    for (unsigned i = 0; i < 4; ++i) {
      session.row.initiatorAddress[i] = static_cast<std::uint8_t>(packet.source >> (24 - 8 * i));
      session.row.responderAddress[i] = static_cast<std::uint8_t>(packet.destination >> (24 - 8 * i));
    }
    session.source = packet.source;
    session.sourcePort = packet.sourcePort;
    session.ordinal = next_;
    if (options_.idleTimeoutNs != 0) place(session);
    live_.emplace(key, session);
  }
  Live& session = live_.at(key);
  Row& row = session.row;
  const bool wasClosed = closes(session);
  session.lastOrdinal = next_;
  row.endNs = std::max(row.endNs, now);
  const bool fromInitiator = packet.source == session.source && packet.sourcePort == session.sourcePort;
  (fromInitiator ? row.initiatorBytes : row.responderBytes) += packet.ip.size();
  ++(fromInitiator ? row.initiatorPackets : row.responderPackets);
  if (packet.tcp) (fromInitiator ? row.initiatorTcpFlags : row.responderTcpFlags) |= packet.tcpFlags;
  if (row.sequenceLength.size() < options_.sequence) {
    row.sequenceGapNs.push_back(now - session.lastTimeNs);
    row.sequenceLength.push_back(static_cast<std::uint16_t>(packet.ip.size()));
    row.sequenceDirection.push_back(fromInitiator ? 0 : 1);
  }
  session.lastTimeNs = now;
  append(row.image, packet.ip);
  if (!wasClosed && closes(session)) place(session);
  const std::uint64_t packets = std::uint64_t{row.initiatorPackets} + row.responderPackets;
  const bool enough = options_.earlyPackets != 0 && packets >= options_.earlyPackets;
  if (options_.early && !session.reported && (enough || row.image.size() >= kImageBytes)) {
    session.reported = true;
    ended_.push_back({next_, 1, session.ordinal, finished(row, EndReason::kEarly)});
  }
  ++next_;
}

void TwinEngine::flush() {
  while (!live_.empty()) {
    const auto& [key, session] = *live_.begin();
    end(Key(key), closes(session) ? closeReason(session) : EndReason::kEndOfInput, 1);
  }
}

std::vector<Row> TwinEngine::rows() const {
  std::vector<const Ended*> order;
  for (const Ended& ended : ended_) order.push_back(&ended);
  std::sort(order.begin(), order.end(), [](const Ended* a, const Ended* b) {
    return std::tie(a->at, a->phase, a->ordinal) < std::tie(b->at, b->phase, b->ordinal);
  });
  std::vector<Row> rows;
  for (const Ended* ended : order) rows.push_back(ended->row);
  return rows;
}

}  // namespace flowglyph::test
