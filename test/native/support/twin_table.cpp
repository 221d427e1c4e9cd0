#include "twin_table.hpp"

#include <algorithm>

namespace flowglyph::test {

bool TwinTable::idle(const Live& session, std::int64_t now) const {
  return options_.idleTimeoutNs != 0 &&
         now - session.row.endNs >= static_cast<std::int64_t>(options_.idleTimeoutNs);
}

void TwinTable::end(const Key& key, EndReason reason) {
  Live& session = live_.at(key);
  session.row.endReason = reason;
  session.row.imageBytes = static_cast<std::uint16_t>(std::min(session.row.image.size(), kImageBytes));
  session.row.image.resize(kImageBytes);
  rows_.push_back(session.row);
  activity_.erase(session.place);
  live_.erase(key);
}

void TwinTable::add(const TwinPacket& packet) {
  const std::int64_t now = packet.timeNs;
  while (!activity_.empty() && idle(live_.at(activity_.front()), now))
    end(Key(activity_.front()), EndReason::kIdleTimeout);

  const Key forward{packet.source, packet.sourcePort, packet.destination, packet.destinationPort, packet.tcp};
  const Key backward{packet.destination, packet.destinationPort, packet.source, packet.sourcePort,
                     packet.tcp};
  const Key key = std::min(forward, backward);

  if (const auto found = live_.find(key); found != live_.end()) {
    if (idle(found->second, now)) {
      end(key, EndReason::kIdleTimeout);
    } else if (options_.activeTimeoutNs != 0 &&
               now - found->second.row.startNs >= static_cast<std::int64_t>(options_.activeTimeoutNs)) {
      end(key, EndReason::kActiveTimeout);
    }
  }
  if (!live_.contains(key)) {
    if (live_.size() == maxSessions_) end(Key(activity_.front()), EndReason::kEvicted);
    Live session{};
    session.row.startNs = session.row.endNs = now;
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
    session.ordinal = nextOrdinal_++;
    session.place = activity_.insert(activity_.end(), key);
    live_.emplace(key, session);
  }
  Live& session = live_.at(key);
  activity_.splice(activity_.end(), activity_, session.place);
  session.row.endNs = std::max(session.row.endNs, now);
  const bool fromInitiator = packet.source == session.source && packet.sourcePort == session.sourcePort;
  (fromInitiator ? session.row.initiatorBytes : session.row.responderBytes) += packet.ip.size();
  ++(fromInitiator ? session.row.initiatorPackets : session.row.responderPackets);
  append(session.row.image, packet.ip);

  if (options_.idleTimeoutNs != 0) {
    const Live& oldest = live_.at(activity_.front());
    if (oldest.row.endNs - now >= static_cast<std::int64_t>(options_.idleTimeoutNs))
      activity_.splice(activity_.end(), activity_, oldest.place);
  }
}

void TwinTable::flush() {
  std::vector<std::pair<std::uint64_t, Key>> order;
  for (const auto& [key, session] : live_) order.emplace_back(session.ordinal, key);
  std::sort(order.begin(), order.end());
  for (const auto& entry : order) end(entry.second, EndReason::kEndOfInput);
}

}  // namespace flowglyph::test
