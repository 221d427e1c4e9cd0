// What is not in order: see the header for the rules. Sequence numbers wrap (RFC 9293 section 3.4): they are
// compared by their distance from `next`, the number that is due. What was seen reaches at most
// kMaxWindow + kMaxSegment ahead of that, what is believed kMaxWindow further and kMaxWindow back, so the
// three never meet.
#include "stream/tcp_stream.hpp"

#include <utility>

namespace flowglyph {
namespace {

// Up to the flags: a header that the snaplen cut before them says nothing.
constexpr std::uint32_t kFieldsBytes = 14;
constexpr std::uint32_t kAcknowledgementAt = 8;

// `a` comes before `b`, both within 2^31 of each other.
bool before(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) < 0; }

}  // namespace

// The captured payload in [from, to): SYN and FIN have none, nor has what the snaplen cut off.
Bytes TcpStreams::Segment::between(std::uint32_t from, std::uint32_t to) const {
  const std::uint32_t first = before(from, payloadStart) ? 0 : std::min(from - payloadStart, captured);
  const std::uint32_t last = before(to, payloadStart) ? 0 : std::min(to - payloadStart, captured);
  return {payload + first, last - first};
}

TcpStreams::Stash* TcpStreams::find(const TcpState& state, unsigned direction) {
  for (std::uint32_t at = state.stash; at != kNoStash; at = stashes_[at].other)
    if (stashes_[at].direction == direction) return &stashes_[at];
  return nullptr;
}

TcpStreams::Stash& TcpStreams::make(const Place& at) {
  const std::uint32_t index = stashes_.acquire();
  Stash& stash = stashes_[index];
  stash.count = 0;
  stash.imageNext = at.next();
  stash.waiting = 0;
  stash.bytes = kNoStash;
  stash.other = kNoStash;
  stash.direction = at.direction;
  (at.state.stash == kNoStash ? at.state.stash : stashes_[at.state.stash].other) = index;
  return stash;
}

void TcpStreams::drop(const Place& at) {
  std::uint32_t* link = &at.state.stash;
  if (stashes_[*link].direction != at.direction) link = &stashes_[*link].other;
  const std::uint32_t index = *link;
  *link = stashes_[index].other;
  dropBytes(stashes_[index]);
  stashes_.release(index);
}

void TcpStreams::dropBytes(Stash& stash) {
  if (stash.bytes == kNoStash) return;
  bytes_.release(stash.bytes);
  stash.bytes = kNoStash;
  stash.waiting = 0;
  for (std::size_t i = 0; i < stash.count; ++i) stash.islands[i].waiting = 0;
}

// Behind the last number that was seen or told of.
std::uint32_t TcpStreams::seenEnd(const Place& at) {
  const Stash* stash = find(at.state, at.direction);
  return stash == nullptr ? at.next() : stash->islands[stash->count - 1].end;
}

void TcpStreams::append(Place& at, Bytes bytes) {
  const std::size_t length = std::min(bytes.size(), kImageBytes - at.fill);
  if (length == 0) return;
  std::memcpy(at.image + at.fill, bytes.data(), length);
  at.fill += length;
}

// What waits of an island, the first with waiting bytes, goes into the image.
void TcpStreams::deliver(Place& at, Stash& stash, std::size_t island) {
  stash.imageNext = stash.islands[island].end;
  const std::uint32_t length = std::exchange(stash.islands[island].waiting, 0);
  if (length == 0) return;
  StashBytes& bytes = bytes_[stash.bytes];
  append(at, Bytes(bytes).first(length));
  stash.waiting -= length;
  std::memmove(bytes.data(), bytes.data() + length, stash.waiting);
  if (stash.waiting == 0) dropBytes(stash);
}

// Puts bytes in front of what waits of `island` and those behind it. Returns how many were kept.
//
// Why no more than the image has room for: all that waits before a byte in its direction gets into the image
// before it or together with it. Where that is as much as there is room, the byte never gets in, whatever the
// other direction does, since the room only shrinks.
std::uint32_t TcpStreams::keep(const Place& at, Stash& stash, std::size_t island, Bytes bytes) {
  std::size_t offset = 0;
  for (std::size_t i = 0; i < island; ++i) offset += stash.islands[i].waiting;
  const std::size_t room = kImageBytes - at.fill;
  if (bytes.empty() || offset >= room) return 0;
  if (stash.bytes == kNoStash) stash.bytes = bytes_.acquire();
  std::uint8_t* to = bytes_[stash.bytes].data() + offset;
  const std::size_t kept = std::min(bytes.size(), room - offset);
  const std::size_t behind = std::min<std::size_t>(stash.waiting - offset, room - offset - kept);
  std::memmove(to + kept, to, behind);
  std::memcpy(to, bytes.data(), kept);
  auto lost = static_cast<std::uint32_t>(stash.waiting - offset - behind);
  for (std::size_t i = stash.count; lost != 0; --i) {
    std::uint32_t& waiting = stash.islands[i - 1].waiting;
    const std::uint32_t part = std::min(waiting, lost);
    waiting -= part;
    lost -= part;
  }
  stash.waiting = static_cast<std::uint32_t>(offset + kept + behind);
  return static_cast<std::uint32_t>(kept);
}

void TcpStreams::giveUpFirst(Place& at, Stash& stash) {
  const Island first = stash.islands[0];
  const std::uint32_t missing = first.start - at.next();
  ++at.state.gaps;
  at.state.gapBytes += std::min(missing, ~at.state.gapBytes);
  if (before(stash.imageNext, first.start)) deliver(at, stash, 0);
  at.next() = first.end;
  std::copy(stash.islands.begin() + 1, stash.islands.begin() + stash.count, stash.islands.begin());
  --stash.count;
}

// Holes that a number ahead shows to be long settled.
void TcpStreams::giveUpBefore(Place& at, Stash& stash, std::uint32_t number) {
  while (stash.count > 0 && number - at.next() > kMaxWindow) giveUpFirst(at, stash);
}

void TcpStreams::restart(Place& at, std::uint32_t sequence) {
  if (Stash* stash = find(at.state, at.direction)) {
    while (stash->count > 0) giveUpFirst(at, *stash);
    drop(at);
  }
  at.next() = sequence;
}

// Who receives at.direction has all before `number`.
void TcpStreams::acknowledged(Place& at, std::uint32_t number) {
  Stash* stash = find(at.state, at.direction);
  if (stash == nullptr) return;
  const std::uint32_t due = at.next();
  if (number - due > seenEnd(at) - due + kMaxWindow) return;  // old, or made up
  for (std::size_t i = 0; i < stash->count; ++i) {
    const std::uint32_t start = stash->islands[i].start;
    if (number - due < start - due) break;
    if (before(stash->imageNext, start)) deliver(at, *stash, i);
  }
}

void TcpStreams::tellOfHole(Place& at, std::uint32_t sequence) {
  const std::uint32_t seen = seenEnd(at);
  const std::uint32_t ahead = sequence - seen;
  if (ahead == 0 || ahead > kMaxWindow) return;  // nothing new, old, or not to be believed
  Stash* stash = find(at.state, at.direction);
  if (stash == nullptr) stash = &make(at);
  giveUpBefore(at, *stash, sequence);
  if (stash->count > 0 && stash->islands[stash->count - 1].start == seen) {
    // Told of before, and nothing has come since: the hole is larger.
    stash->islands[stash->count - 1] = {sequence, sequence, 0};
    return;
  }
  stash->islands[stash->count++] = {sequence, sequence, 0};
  if (stash->count > kMaxHoles) giveUpFirst(at, *stash);
}

// Numbers of a segment that were not seen before, all in one hole or behind all islands.
void TcpStreams::takeNew(Place& at, Stash& stash, const Segment& segment, std::uint32_t start,
                         std::uint32_t end) {
  auto& islands = stash.islands;
  std::size_t i = 0;
  while (i < stash.count && before(islands[i].start, end)) ++i;
  // An island of which was only told does not part a hole.
  if (i > 0 && islands[i - 1].start == islands[i - 1].end && islands[i - 1].end != start) {
    --stash.count;
    --i;
  }
  const bool left = start == (i > 0 ? islands[i - 1].end : at.next());
  const bool right = i < stash.count && islands[i].start == end;

  std::uint32_t kept = 0;
  if (before(stash.imageNext, end)) {
    const bool ready = !before(stash.imageNext, start);
    const Bytes bytes = segment.between(ready ? stash.imageNext : start, end);
    if (ready) {
      append(at, bytes);
      stash.imageNext = end;
      if (right) deliver(at, stash, i);
    } else {
      kept = keep(at, stash, i, bytes);
    }
  }

  if (left && right) {
    if (i > 0) {
      islands[i - 1].end = islands[i].end;
      islands[i - 1].waiting += kept + islands[i].waiting;
    } else {
      at.next() = islands[0].end;
    }
    std::copy(islands.begin() + i + 1, islands.begin() + stash.count, islands.begin() + i);
    --stash.count;
  } else if (left) {
    if (i > 0) {
      islands[i - 1].end = end;
      islands[i - 1].waiting += kept;
    } else {
      at.next() = end;
    }
  } else if (right) {
    islands[i].start = start;
    islands[i].waiting += kept;
  } else {
    std::copy_backward(islands.begin() + i, islands.begin() + stash.count, islands.begin() + stash.count + 1);
    islands[i] = {start, end, kept};
    if (++stash.count > kMaxHoles) giveUpFirst(at, stash);
  }
}

// Numbers ahead of what is due, or while there is a hole.
void TcpStreams::takeAhead(Place& at, Stash& stash, const Segment& segment) {
  // A segment may bring the parts that are missing between several islands.
  std::array<std::pair<std::uint32_t, std::uint32_t>, kMaxHoles + 1> fresh;
  std::size_t count = 0;
  std::uint32_t number = before(segment.start, at.next()) ? at.next() : segment.start;
  const std::uint32_t seen = stash.count > 0 ? stash.islands[stash.count - 1].end : at.next();
  for (std::size_t i = 0; i < stash.count && before(number, segment.end); ++i) {
    const Island& island = stash.islands[i];
    if (before(number, island.start))
      fresh[count++] = {number, before(island.start, segment.end) ? island.start : segment.end};
    if (before(number, island.end)) number = island.end;
  }
  if (before(number, segment.end)) fresh[count++] = {number, segment.end};
  if (count == 0) {
    if (!(segment.keepAlive && segment.end == seen)) ++at.state.retransmissions;
    return;
  }
  if (before(fresh[0].first, seen)) ++at.state.outOfOrder;
  for (std::size_t i = 0; i < count; ++i) takeNew(at, stash, segment, fresh[i].first, fresh[i].second);
}

void TcpStreams::take(Place& at, const Segment& segment) {
  Stash* stash = find(at.state, at.direction);
  const std::uint32_t due = at.next();
  if (stash == nullptr && !before(due, segment.start)) {
    if (!before(due, segment.end)) {
      if (!(segment.keepAlive && segment.end == due)) ++at.state.retransmissions;
      return;
    }
    append(at, segment.between(due, segment.end));
    at.next() = segment.end;
    return;
  }
  if (stash == nullptr) stash = &make(at);
  // Not by before(): until holes far back are given up, its end may be more than 2^31 ahead.
  const bool ahead = due - segment.start > kMaxWindow || due == segment.start;
  if (ahead) giveUpBefore(at, *stash, segment.end);
  takeAhead(at, *stash, segment);
  if (stash->count == 0) drop(at);
}

std::size_t TcpStreams::addSlowly(TcpState& state, const Packet& packet, unsigned direction,
                                  std::uint8_t flagsBefore, std::uint8_t* image, std::size_t fill) {
  const std::uint32_t headerBytes = packet.payloadOffset - packet.transportOffset;
  if (headerBytes < kFieldsBytes) return fill;
  const std::uint8_t* header = packet.record.data + packet.transportOffset;
  Place at{state, direction, image, fill};
  if (ordered_ && state.stash != kNoStash && (packet.tcpFlags & kTcpAck) != 0) {
    Place other{state, 1 - direction, image, fill};
    acknowledged(other, loadBig<std::uint32_t>(header + kAcknowledgementAt));
    at.fill = other.fill;
  }

  const std::uint32_t sequence = packet.sequence;
  if (flagsBefore == 0) restart(at, sequence);
  if ((packet.tcpFlags & kTcpRst) != 0) return at.fill;
  const std::uint32_t syn = (packet.tcpFlags & kTcpSyn) != 0, fin = packet.tcpFlags & kTcpFin;
  if (syn != 0 && flagsBefore != 0 && at.next() - (sequence + 1) >= kOldSyn) restart(at, sequence);

  const std::uint32_t length = std::min(packet.payloadBytes, kMaxSegment);
  const std::uint32_t numbers = syn + length + fin;
  if (numbers == 0) {
    tellOfHole(at, sequence);
  } else {
    const std::uint32_t due = at.next();
    if (sequence - due > seenEnd(at) - due + kMaxWindow && due - sequence > kMaxWindow) restart(at, sequence);
    const std::uint32_t captured = std::min(packet.payloadEnd - packet.payloadOffset, length);
    take(at, {.start = sequence,
              .end = sequence + numbers,
              .payloadStart = sequence + syn,
              .payload = packet.record.data + packet.payloadOffset,
              .captured = ordered_ ? captured : 0,
              .keepAlive = numbers == 1 && length == 1});
  }
  // A full image needs no more bytes.
  if (at.fill >= kImageBytes)
    for (std::uint32_t i = state.stash; i != kNoStash; i = stashes_[i].other) dropBytes(stashes_[i]);
  return at.fill;
}

std::size_t TcpStreams::finishSlowly(TcpState& state, std::uint8_t* image, std::size_t fill) {
  while (state.stash != kNoStash) {
    Place at{state, stashes_[state.stash].direction, image, fill};
    restart(at, at.next());
    fill = at.fill;
  }
  return fill;
}

std::size_t TcpStreams::memoryUsed() const {
  return stashes_.live() * sizeof(Stash) + bytes_.live() * sizeof(StashBytes);
}

}  // namespace flowglyph
