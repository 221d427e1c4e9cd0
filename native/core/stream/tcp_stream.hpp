// TCP sequence numbers of a session (RFC 9293): what is new in a segment, what is repeated, what is missing;
// and with Order::kStream its payload in sequence order into the image. Bounded: an image holds 784 bytes, so
// no more than that is ever kept of what came too early in a direction, and a fixed number of holes is
// followed.
//
// Counts depend on the sequence numbers alone, never on view or order:
// - A segment's numbers are its payload's bytes, one for SYN and one for FIN. The first packet of a direction
//   says where it begins; what is before that is old.
// - retransmissions: segments with numbers, none of them new. Not: a keep-alive (one byte, the last one sent,
//   again), an acknowledgement without payload, a reset.
// - outOfOrder: segments that bring something new after a packet with later numbers, so fill a hole or a part
//   of one. Whether the network turned them around or the sender sent them again is not guessed.
// - gaps, gapBytes: holes that nothing filled. An acknowledgement without payload whose number is beyond what
//   was seen tells of one too: its sender has sent what is before. What the snaplen cut off is no hole.
// - kMaxHoles holes are followed in each direction; for one more, the first is given up. So is one that lies
//   further back than the largest window there is (2^30 bytes, RFC 7323): its sender had it acknowledged.
// - Resets (RST) neither move nor say anything: their numbers are often made up, their payload is a message
// to
//   people (RFC 9293 section 3.5.3).
// - A SYN anywhere but within 65536 numbers before what is due begins a new incarnation of the direction, as
//   does a segment further off than 2^30 from all that was seen. Holes are given up then; how much is missing
//   in between nobody knows, so it is no gap. An acknowledgement without payload from so far off is ignored.
//
// The image: each byte once, that of the segment that came first, as most stacks and Zeek have it: what was
// delivered cannot be taken back. The two directions alternate as their bytes become deliverable. Bytes
// behind a hole wait until it is filled, until the other side acknowledges what is in it (the receiver has
// it, the capture never will: a packet that the capture lost does not silence a session), until it is given
// up, or until the session ends. Holes leave no trace in the image.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "options.hpp"
#include "parse/packet.hpp"
#include "stream/slab.hpp"

namespace flowglyph {

inline constexpr std::uint32_t kNoStash = 0xFFFFFFFF;

// Kept in each session. 28 bytes.
struct TcpState {
  std::uint32_t next[2];          // the sequence number that is due: initiator's, responder's
  std::uint32_t retransmissions;  // segments without a new byte
  std::uint32_t outOfOrder;       // segments that came after one with later bytes
  std::uint32_t gaps;             // holes given up
  std::uint32_t gapBytes;         // in them; at most 2^32 - 1
  std::uint32_t stash;            // what waits for a hole to be filled, kNoStash mostly
};

// One for each shard of sessions. What it does to a session depends on that session's packets alone.
class TcpStreams {
 public:
  static constexpr std::size_t kMaxHoles = 8;
  static constexpr std::uint32_t kMaxWindow = std::uint32_t{1} << 30;
  // A longer payload is not believed: offloading cards make segments of 512 KiB at most.
  static constexpr std::uint32_t kMaxSegment = std::uint32_t{1} << 24;
  static constexpr std::uint32_t kOldSyn = 65536;

  TcpStreams(Order order, View view) : ordered_(order == Order::kStream && view == View::kL7) {}

  static TcpState fresh() { return {{0, 0}, 0, 0, 0, 0, kNoStash}; }

  // `packet`: TCP; its key, record, offsets, payloadBytes, sequence and tcpFlags are read. `flagsBefore`: the
  // flags seen so far in this direction (0: this is the first packet of it). Appends what is in order now to
  // the image (view l7 and Order::kStream; otherwise the image is not touched) and returns its new fill.
  std::size_t add(TcpState& state, const Packet& packet, unsigned direction, std::uint8_t flagsBefore,
                  std::uint8_t* image, std::size_t fill) {
    const bool plain = flagsBefore != 0 && (packet.tcpFlags & (kTcpSyn | kTcpRst)) == 0;
    if (plain && packet.sequence == state.next[direction] && state.stash == kNoStash) [[likely]] {
      // FIN is bit 0: it counts one.
      static_assert(kTcpFin == 1);
      state.next[direction] += std::min(packet.payloadBytes, kMaxSegment) + (packet.tcpFlags & kTcpFin);
      if (!ordered_ || fill >= kImageBytes) return fill;
      const std::uint32_t captured = std::min(packet.payloadEnd - packet.payloadOffset, packet.payloadBytes);
      const std::size_t length = std::min<std::size_t>(captured, kImageBytes - fill);
      std::memcpy(image + fill, packet.record.data + packet.payloadOffset, length);
      return fill + length;
    }
    return addSlowly(state, packet, direction, flagsBefore, image, fill);
  }

  // The session ends: holes are given up, what waited behind them is appended. Frees the stash.
  std::size_t finish(TcpState& state, std::uint8_t* image, std::size_t fill) {
    return state.stash == kNoStash ? fill : finishSlowly(state, image, fill);
  }

  // Bytes of all stashes: counted against the cap, which ends sessions where it is passed. The same for the
  // same sessions, however they are spread over shards.
  std::size_t memoryUsed() const;

 private:
  // Numbers that were received behind a hole: [start, end), and how many of their bytes wait in the stash.
  // Only the last can be empty: an acknowledgement told that the numbers before it exist.
  struct Island {
    std::uint32_t start, end;
    std::uint32_t waiting;
  };

  // Of one direction that has a hole, from when that opens until no hole is left. The first hole begins at
  // TcpState::next, the others at the end of an island.
  struct Stash {
    std::array<Island, kMaxHoles + 1> islands;  // by number
    std::uint32_t count;
    std::uint32_t imageNext;  // up to here the image holds what it ever will: == next, or an island's end
    std::uint32_t waiting;    // bytes, of all islands
    std::uint32_t bytes;      // index into bytes_, kNoStash when none were kept
    std::uint32_t other;      // of the other direction, or kNoStash
    unsigned direction;
  };
  using StashBytes = std::array<std::uint8_t, kImageBytes>;

  // A segment's numbers [start, end); its payload's first byte has the number `payloadStart`.
  struct Segment {
    std::uint32_t start, end, payloadStart;
    const std::uint8_t* payload;
    std::uint32_t captured;  // bytes at `payload`
    bool keepAlive;          // may be one, going by its length and flags

    Bytes between(std::uint32_t from, std::uint32_t to) const;
  };
  // The session and direction that are worked on, and the image.
  struct Place {
    TcpState& state;
    unsigned direction;
    std::uint8_t* image;
    std::size_t fill;

    std::uint32_t& next() const { return state.next[direction]; }
  };

  std::size_t addSlowly(TcpState& state, const Packet& packet, unsigned direction, std::uint8_t flagsBefore,
                        std::uint8_t* image, std::size_t fill);
  std::size_t finishSlowly(TcpState& state, std::uint8_t* image, std::size_t fill);

  Stash* find(const TcpState& state, unsigned direction);
  Stash& make(const Place& at);
  void drop(const Place& at);
  void dropBytes(Stash& stash);
  std::uint32_t seenEnd(const Place& at);

  void restart(Place& at, std::uint32_t sequence);
  void giveUpFirst(Place& at, Stash& stash);
  void giveUpBefore(Place& at, Stash& stash, std::uint32_t number);
  void acknowledged(Place& at, std::uint32_t number);
  void tellOfHole(Place& at, std::uint32_t sequence);
  void take(Place& at, const Segment& segment);
  void takeAhead(Place& at, Stash& stash, const Segment& segment);
  void takeNew(Place& at, Stash& stash, const Segment& segment, std::uint32_t start, std::uint32_t end);
  void append(Place& at, Bytes bytes);
  void deliver(Place& at, Stash& stash, std::size_t island);
  std::uint32_t keep(const Place& at, Stash& stash, std::size_t island, Bytes bytes);

  bool ordered_;
  Slab<Stash, 256> stashes_;
  Slab<StashBytes, 64> bytes_;
};

}  // namespace flowglyph
