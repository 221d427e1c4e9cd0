#include "stream/defragmenter.hpp"

#include <algorithm>
#include <cstring>
#include <list>
#include <unordered_map>

#include "stream/fragment.hpp"

namespace flowglyph {
namespace {

// Data of one fragment: where it belongs, and where it is kept. 65535 / 8 of them at most make a datagram,
// since every one brings 8 bytes that no other did; only the last may have less.
struct Piece {
  std::uint16_t offset;
  std::uint16_t length;
  std::uint32_t at;  // in Waiting::store

  std::uint32_t end() const { return std::uint32_t{offset} + length; }
};

constexpr std::uint32_t kUnknown = 0xFFFFFFFF;

// The first fragment's IP packet as it was captured, in Waiting::store; or in its record.
struct First {
  Record record;
  Fragment fragment;
  std::uint32_t at;
  std::uint32_t records;
  LayerSet layers;
  std::uint8_t tunnelDepth;

  std::uint32_t capturedBytes() const { return fragment.headerBytes + fragment.captured; }
};

// A datagram that has not come out whole.
struct Waiting {
  SessionKey key;
  std::int64_t openedNs;
  bool givenUp = false;    // remembered alone: nothing is kept
  bool firstSeen = false;  // `first` is filled; when given up: it has come out
  std::uint32_t records = 0;
  std::uint32_t wireBytes = 0;
  std::uint32_t bytes = 0;         // in pieces
  std::uint32_t total = kUnknown;  // end of the last fragment
  First first;
  std::vector<Piece> pieces;  // by offset; no two share a byte
  std::vector<std::uint8_t> store;
};

using WaitingList = std::list<Waiting>;  // in the order in which they were opened

// Beside the vectors: the list's node, the index's node and what the allocator adds to each.
constexpr std::size_t kWaitingBytes = sizeof(Waiting) + 2 * sizeof(void*) + sizeof(SessionKey) +
                                      3 * sizeof(void*) + 4 * 2 * sizeof(std::size_t);

std::size_t bytesOf(const Waiting& datagram) {
  return kWaitingBytes + datagram.pieces.capacity() * sizeof(Piece) + datagram.store.capacity();
}

std::uint64_t distance(std::int64_t a, std::int64_t b) {
  return a > b ? static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b)
               : static_cast<std::uint64_t>(b) - static_cast<std::uint64_t>(a);
}

// The header comment's rule for wild timestamps.
class Clock {
 public:
  std::int64_t now() const { return now_; }

  void see(std::int64_t timeNs, std::uint64_t step) {
    if (!started_ || distance(now_, timeNs) < step) {
      now_ = started_ ? std::max(now_, timeNs) : timeNs;
      started_ = true;
      doubted_ = false;
    } else if (doubted_ && distance(doubt_, timeNs) < step) {
      now_ = timeNs;
      doubted_ = false;
    } else {
      doubt_ = timeNs;
      doubted_ = true;
    }
  }

 private:
  std::int64_t now_ = 0, doubt_ = 0;
  bool started_ = false, doubted_ = false;
};

// What a fragment is to its datagram.
enum class Fit : std::uint8_t { kNew, kRepeated, kOverlapping, kMalformed, kCut };

// The first piece that ends behind `offset`.
std::vector<Piece>::const_iterator pieceBehind(const Waiting& datagram, std::uint32_t offset) {
  return std::partition_point(datagram.pieces.begin(), datagram.pieces.end(),
                              [&](const Piece& piece) { return piece.end() <= offset; });
}

bool repeats(const Waiting& datagram, const Fragment& fragment) {
  const std::uint8_t* data = fragment.ip + fragment.headerBytes;
  std::uint32_t offset = fragment.offset;
  const std::uint32_t end = offset + fragment.length;
  for (auto piece = pieceBehind(datagram, offset); offset < end; ++piece) {
    if (piece == datagram.pieces.end() || piece->offset > offset) return false;
    const std::uint32_t length = std::min(end, piece->end()) - offset;
    if (std::memcmp(data + (offset - fragment.offset),
                    datagram.store.data() + piece->at + (offset - piece->offset), length) != 0)
      return false;
    offset += length;
  }
  return true;
}

Fit fitOf(const Waiting& datagram, const Fragment& fragment) {
  if (fragment.length == 0 || (fragment.more && fragment.length % 8 != 0) ||
      fragment.fixedBytes + fragment.end() > kMaxDatagramBytes)
    return Fit::kMalformed;
  if (fragment.captured < fragment.length) return Fit::kCut;
  const std::uint64_t end = fragment.end();
  const std::uint32_t seenEnd = datagram.pieces.empty() ? 0 : datagram.pieces.back().end();
  if (datagram.total != kUnknown && (fragment.more ? end >= datagram.total : end != datagram.total))
    return Fit::kMalformed;
  if (!fragment.more && end < seenEnd) return Fit::kMalformed;
  const auto behind = pieceBehind(datagram, fragment.offset);
  if (behind == datagram.pieces.end() || behind->offset >= end) return Fit::kNew;
  return repeats(datagram, fragment) ? Fit::kRepeated : Fit::kOverlapping;
}

Datagram firstAlone(const First& first, const std::uint8_t* ip) {
  const std::uint32_t length = first.capturedBytes();
  Datagram out{std::make_unique_for_overwrite<std::uint8_t[]>(length),
               length,
               first.record,
               first.records,
               first.fragment.ipBytes,
               first.layers,
               first.tunnelDepth,
               false};
  std::memcpy(out.bytes.get(), ip, length);
  out.record.data = out.bytes.get();
  out.record.capLength = length;
  out.record.origLength = first.fragment.ipBytes;
  return out;
}

First firstOf(const Packet& packet, const Fragment& fragment) {
  return {packet.record, fragment, 0, packet.records, packet.layers, packet.tunnelDepth};
}

// The header of a whole datagram with `dataBytes` behind it; `to` has room for first.headerBytes. Returns its
// length.
std::uint32_t writeHeader(std::uint8_t* to, const Fragment& first, const std::uint8_t* ip,
                          std::uint32_t dataBytes) {
  const auto lengthField = static_cast<std::uint16_t>(first.fixedBytes + dataBytes);
  if (first.ipVersion() == 4) {
    std::memcpy(to, ip, first.headerBytes);
    storeBig<std::uint16_t>(to + 2, lengthField);
    storeBig<std::uint16_t>(to + 6, 0);
    return first.headerBytes;
  }
  const std::uint32_t fragmentHeaderAt = first.headerBytes - 8;
  std::memcpy(to, ip, fragmentHeaderAt);
  storeBig<std::uint16_t>(to + 4, lengthField);
  to[first.nextHeaderAt] = ip[fragmentHeaderAt];
  return fragmentHeaderAt;
}

Datagram put(const Packet& completing, const First& first, const std::uint8_t* ip, std::uint32_t dataBytes) {
  Datagram out{std::make_unique_for_overwrite<std::uint8_t[]>(first.fragment.headerBytes + dataBytes),
               0,
               completing.record,
               first.records,
               first.fragment.ipBytes,
               first.layers,
               first.tunnelDepth,
               true};
  out.length = writeHeader(out.bytes.get(), first.fragment, ip, dataBytes) + dataBytes;
  out.record.data = out.bytes.get();
  out.record.capLength = out.record.origLength = out.length;
  return out;
}

}  // namespace

struct Defragmenter::State {
  std::size_t memoryBytes;
  std::uint64_t timeoutNs;
  WaitingList waiting;
  std::unordered_map<SessionKey, WaitingList::iterator, KeyHash> index;
  std::size_t used = 0;  // bytesOf() of all that wait
  Clock clock;
  FragmentTotals totals;

  std::size_t memoryUsed() const { return used + index.bucket_count() * sizeof(void*); }
  bool tooFar(std::int64_t a, std::int64_t b) const { return timeoutNs != 0 && distance(a, b) >= timeoutNs; }

  WaitingList::iterator open(const SessionKey& key, std::int64_t timeNs);
  void forget(WaitingList::iterator datagram);
  void takeIn(Waiting& datagram, const Packet& packet, const Fragment& fragment);
  Datagram assemble(const Waiting& datagram, const Packet& completing) const;
  void giveUp(Waiting& datagram, std::uint64_t& counter, std::vector<Datagram>& out, std::uint64_t& skipped);
  void end(WaitingList::iterator datagram, std::uint64_t& counter, std::vector<Datagram>& out,
           std::uint64_t& skipped);
  void expire(std::int64_t timeNs, std::vector<Datagram>& out, std::uint64_t& skipped);
  void add(const Packet& packet, const Fragment& fragment, std::vector<Datagram>& out,
           std::uint64_t& skipped);
};

WaitingList::iterator Defragmenter::State::open(const SessionKey& key, std::int64_t timeNs) {
  waiting.emplace_back();
  const auto datagram = std::prev(waiting.end());
  datagram->key = key;
  datagram->openedNs = timeNs;
  index.emplace(key, datagram);
  used += bytesOf(*datagram);
  return datagram;
}

void Defragmenter::State::forget(WaitingList::iterator datagram) {
  used -= bytesOf(*datagram);
  index.erase(datagram->key);
  waiting.erase(datagram);
}

// Copies a fragment that fits.
void Defragmenter::State::takeIn(Waiting& datagram, const Packet& packet, const Fragment& fragment) {
  used -= bytesOf(datagram);
  const auto at = static_cast<std::uint32_t>(datagram.store.size());
  std::uint32_t headerBytes = 0;
  if (fragment.offset == 0) {
    datagram.first = firstOf(packet, fragment);
    datagram.first.at = at;
    datagram.firstSeen = true;
    headerBytes = fragment.headerBytes;
  }
  const std::uint8_t* data = fragment.ip + fragment.headerBytes;
  datagram.store.insert(datagram.store.end(), data - headerBytes, data + fragment.length);
  datagram.pieces.insert(pieceBehind(datagram, fragment.offset),
                         {static_cast<std::uint16_t>(fragment.offset),
                          static_cast<std::uint16_t>(fragment.length), at + headerBytes});
  datagram.records += packet.records;
  datagram.wireBytes += fragment.ipBytes;
  datagram.bytes += fragment.length;
  if (!fragment.more) datagram.total = fragment.offset + fragment.length;
  used += bytesOf(datagram);
}

Datagram Defragmenter::State::assemble(const Waiting& datagram, const Packet& completing) const {
  const std::uint8_t* store = datagram.store.data();
  Datagram out = put(completing, datagram.first, store + datagram.first.at, datagram.total);
  out.records = datagram.records;
  out.wireBytes = datagram.wireBytes;
  std::uint8_t* to = out.bytes.get() + (out.length - datagram.total);
  for (const Piece& piece : datagram.pieces) {
    std::memcpy(to, store + piece.at, piece.length);
    to += piece.length;
  }
  return out;
}

// Lets its first fragment out and remembers nothing but that it was given up.
void Defragmenter::State::giveUp(Waiting& datagram, std::uint64_t& counter, std::vector<Datagram>& out,
                                 std::uint64_t& skipped) {
  if (datagram.givenUp) return;
  ++counter;
  if (datagram.firstSeen) {
    out.push_back(firstAlone(datagram.first, datagram.store.data() + datagram.first.at));
    datagram.records -= datagram.first.records;
  }
  skipped += datagram.records;
  used -= bytesOf(datagram);
  datagram.givenUp = true;
  datagram.pieces = {};
  datagram.store = {};
  used += bytesOf(datagram);
}

void Defragmenter::State::end(WaitingList::iterator datagram, std::uint64_t& counter,
                              std::vector<Datagram>& out, std::uint64_t& skipped) {
  giveUp(*datagram, counter, out, skipped);
  forget(datagram);
}

// The list is in the order of opening and times are not: one that is not too old holds up those behind it,
// but for twice the timeout at most, since the clock is then beyond its time.
void Defragmenter::State::expire(std::int64_t timeNs, std::vector<Datagram>& out, std::uint64_t& skipped) {
  if (timeoutNs == 0) return;
  clock.see(timeNs, timeoutNs);
  while (!waiting.empty() && tooFar(clock.now(), waiting.front().openedNs))
    end(waiting.begin(), totals.incomplete, out, skipped);
}

void Defragmenter::State::add(const Packet& packet, const Fragment& fragment, std::vector<Datagram>& out,
                              std::uint64_t& skipped) {
  if (fragment.offset == 0 && !fragment.more) {
    // Whole as it is ("atomic"): goes its own way, whatever else has its identification (RFC 6946).
    const First first = firstOf(packet, fragment);
    const bool tooLong = fragment.fixedBytes + fragment.end() > kMaxDatagramBytes;
    const bool cut = fragment.captured < fragment.length;
    ++(tooLong ? totals.malformed : cut ? totals.cut : totals.datagrams);
    if (tooLong || cut) return out.push_back(firstAlone(first, fragment.ip));
    out.push_back(put(packet, first, fragment.ip, fragment.length));
    Datagram& datagram = out.back();
    std::memcpy(datagram.bytes.get() + (datagram.length - fragment.length),
                fragment.ip + fragment.headerBytes, fragment.length);
    return;
  }
  const std::int64_t now = packet.record.timeNs;
  const auto found = index.find(fragment.key);
  if (found != index.end() && tooFar(found->second->openedNs, now))
    end(found->second, totals.incomplete, out, skipped);
  const auto again = index.find(fragment.key);
  const auto datagram = again != index.end() ? again->second : open(fragment.key, now);

  Fit fit = Fit::kNew;
  if (!datagram->givenUp) {
    fit = fitOf(*datagram, fragment);
    if (fit == Fit::kNew) {
      takeIn(*datagram, packet, fragment);
      if (datagram->bytes != datagram->total) return;
      if (datagram->first.fragment.fixedBytes + datagram->total <= kMaxDatagramBytes) {
        ++totals.datagrams;
        out.push_back(assemble(*datagram, packet));
        return forget(datagram);
      }
      // Only its own header makes it too long.
      return giveUp(*datagram, totals.malformed, out, skipped);
    }
    if (fit == Fit::kRepeated) {
      ++totals.duplicates;
      skipped += packet.records;
      return;
    }
    giveUp(*datagram,
           fit == Fit::kCut         ? totals.cut
           : fit == Fit::kMalformed ? totals.malformed
                                    : totals.overlapping,
           out, skipped);
  }
  if (fragment.offset == 0 && !datagram->firstSeen) {
    datagram->firstSeen = true;
    out.push_back(firstAlone(firstOf(packet, fragment), fragment.ip));
  } else {
    skipped += packet.records;
  }
}

Defragmenter::Defragmenter(std::size_t memoryBytes, std::uint64_t timeoutNs)
    : state_(std::make_unique<State>()) {
  state_->memoryBytes = memoryBytes;
  state_->timeoutNs = timeoutNs;
}

Defragmenter::~Defragmenter() = default;

void Defragmenter::add(const Packet& packet, std::vector<Datagram>& out, std::uint64_t& skipped) {
  State& state = *state_;
  state.expire(packet.record.timeNs, out, skipped);
  Fragment fragment;
  if (!readFragment(packet, fragment)) {
    skipped += packet.records;
    return;
  }
  state.add(packet, fragment, out, skipped);
  while (state.memoryUsed() > state.memoryBytes && !state.waiting.empty())
    state.end(state.waiting.begin(), state.totals.evicted, out, skipped);
}

void Defragmenter::advance(std::int64_t timeNs, std::vector<Datagram>& out, std::uint64_t& skipped) {
  state_->expire(timeNs, out, skipped);
}

void Defragmenter::flush(std::vector<Datagram>& out, std::uint64_t& skipped) {
  State& state = *state_;
  while (!state.waiting.empty()) state.end(state.waiting.begin(), state.totals.incomplete, out, skipped);
  state.index.clear();
  state.clock = {};
}

const FragmentTotals& Defragmenter::totals() const { return state_->totals; }
std::size_t Defragmenter::memoryUsed() const { return state_->memoryUsed(); }

}  // namespace flowglyph
