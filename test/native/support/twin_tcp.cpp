#include "twin_tcp.hpp"

#include <algorithm>

namespace flowglyph::test {
namespace {

constexpr std::int64_t kWindow = std::int64_t{1} << 30;
constexpr std::size_t kHoles = 8;

}  // namespace

TcpPacket::TcpPacket(const TcpSegment& segment)
    : frame(tcp({.sequence = segment.sequence,
                 .acknowledgement = segment.acknowledgement,
                 .payload = ByteVector(segment.payload.begin(), segment.payload.end() - segment.cutOff)})) {
  packet.record.data = frame.data();
  packet.record.capLength = static_cast<std::uint32_t>(frame.size());
  packet.ipEnd = packet.payloadEnd = packet.record.capLength;
  packet.payloadOffset = 20;
  packet.payloadBytes = static_cast<std::uint32_t>(segment.payload.size());
  packet.sequence = segment.sequence;
  packet.tcpFlags = segment.flags;
}

// Where a number is, if it can be believed.
std::optional<std::int64_t> TwinTcp::place(const Direction& d, std::uint32_t number) const {
  const std::int64_t ahead = static_cast<std::uint32_t>(number - d.dueNumber);
  const std::int64_t behind = static_cast<std::uint32_t>(d.dueNumber - number);
  if (ahead <= d.seen - d.due + kWindow) return d.due + ahead;
  if (behind <= kWindow) return d.due - behind;
  return std::nullopt;
}

// What is missing between `due` and `seen`.
std::vector<std::pair<std::int64_t, std::int64_t>> TwinTcp::holes(const Direction& d) const {
  std::vector<std::pair<std::int64_t, std::int64_t>> found;
  std::int64_t number = d.due;
  for (const auto& [at, content] : d.numbers) {
    if (at > number) found.push_back({number, at});
    number = at + 1;
  }
  if (d.seen > number) found.push_back({number, d.seen});
  return found;
}

void TwinTcp::drain(Direction& d) {
  for (auto at = d.numbers.find(d.imageNext); at != d.numbers.end() && at->first == d.imageNext; ++at) {
    if (at->second) stream.push_back(*at->second);
    ++d.imageNext;
  }
}

// `due` moves over what has come.
void TwinTcp::settle(Direction& d) {
  while (!d.numbers.empty() && d.numbers.begin()->first == d.due) {
    d.numbers.erase(d.numbers.begin());
    ++d.due;
    ++d.dueNumber;
  }
}

void TwinTcp::giveUpFirst(Direction& d) {
  const std::int64_t end = holes(d).front().second;
  ++counts.gaps;
  counts.gapBytes = static_cast<std::uint32_t>(
      std::min<std::int64_t>(0xFFFFFFFF, std::int64_t{counts.gapBytes} + (end - d.due)));
  d.imageNext = std::max(d.imageNext, end);
  drain(d);
  d.dueNumber += static_cast<std::uint32_t>(end - d.due);
  d.due = end;
  settle(d);
}

void TwinTcp::restart(Direction& d, std::uint32_t sequence) {
  while (d.due < d.seen) giveUpFirst(d);
  d = {};
  d.begun = true;
  d.due = d.seen = d.imageNext = std::int64_t{1} << 40;
  d.dueNumber = sequence;
}

void TwinTcp::add(const TcpSegment& segment) {
  Direction& d = directions_[segment.direction];
  Direction& other = directions_[1 - segment.direction];
  if ((segment.flags & kTcpAck) != 0 && other.begun) {
    const std::optional<std::int64_t> number = place(other, segment.acknowledgement);
    for (const auto& [from, to] : holes(other)) {
      if (!number || *number < to) break;
      other.imageNext = std::max(other.imageNext, to);
      drain(other);
    }
  }

  const bool first = flags_[segment.direction] == 0;
  flags_[segment.direction] |= segment.flags;
  if (first) restart(d, segment.sequence);
  if ((segment.flags & kTcpRst) != 0) return;

  std::vector<std::optional<std::uint8_t>> contents;  // one a number
  const bool syn = (segment.flags & kTcpSyn) != 0, fin = (segment.flags & kTcpFin) != 0;
  if (syn) contents.push_back(std::nullopt);
  for (std::size_t i = 0; i < segment.payload.size(); ++i) {
    if (i < segment.payload.size() - segment.cutOff) {
      contents.push_back(segment.payload[i]);
    } else {
      contents.push_back(std::nullopt);
    }
  }
  if (fin) contents.push_back(std::nullopt);

  std::optional<std::int64_t> start = place(d, segment.sequence);
  if (contents.empty()) {
    if (!start || *start <= d.seen) return;
    while (d.seen > d.due && *start - d.due > kWindow) giveUpFirst(d);
    d.seen = *place(d, segment.sequence);
  } else {
    if (syn && !first) {
      const std::int64_t back = static_cast<std::uint32_t>(d.dueNumber - (segment.sequence + 1));
      if (back >= 65536) start = std::nullopt;
    }
    if (!start) {
      restart(d, segment.sequence);
      start = d.due;
    }
    const std::int64_t seenBefore = d.seen;
    std::int64_t end = *start + static_cast<std::int64_t>(contents.size());
    while (d.seen > d.due && end - d.due > kWindow) giveUpFirst(d);
    std::optional<std::int64_t> firstNew;
    for (std::size_t i = 0; i < contents.size(); ++i) {
      const std::int64_t number = *start + static_cast<std::int64_t>(i);
      if (number < d.due || !d.numbers.emplace(number, contents[i]).second) continue;
      if (!firstNew) firstNew = number;
    }
    if (!firstNew) {
      const bool keepAlive = contents.size() == 1 && !syn && !fin && end == d.seen;
      if (!keepAlive) ++counts.retransmissions;
    } else if (*firstNew < seenBefore) {
      ++counts.outOfOrder;
    }
    d.seen = std::max(d.seen, end);
  }
  drain(d);
  settle(d);
  if (holes(d).size() > kHoles) giveUpFirst(d);
  if (d.seen == d.due) {
    d.waitingSince = 0;
  } else if (d.waitingSince == 0) {
    d.waitingSince = ++holesOpened_;
  }
}

void TwinTcp::finish() {
  const bool turned =
      directions_[1].waitingSince != 0 && directions_[1].waitingSince < directions_[0].waitingSince;
  for (Direction* d : {&directions_[turned ? 1 : 0], &directions_[turned ? 0 : 1]})
    while (d->due < d->seen) giveUpFirst(*d);
}

}  // namespace flowglyph::test
