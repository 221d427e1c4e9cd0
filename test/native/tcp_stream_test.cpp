#include "stream/tcp_stream.hpp"

#include <doctest/doctest.h>

#include <random>
#include <set>
#include <string>

#include "support/twin_tcp.hpp"

using namespace flowglyph;
using namespace flowglyph::test;

namespace {

constexpr std::uint8_t kUntouched = 0xEE;

// One session, as the engine keeps it.
struct Streams {
  explicit Streams(Order order = Order::kStream, View view = View::kL7) : streams(order, view) {
    image.fill(kUntouched);
  }

  Streams& add(const TcpSegment& segment) {
    // The frame goes away: what waits must be a copy.
    const TcpPacket made(segment);
    fill = streams.add(state, made.packet, segment.direction, flags[segment.direction], image.data(), fill);
    flags[segment.direction] |= segment.flags;
    return *this;
  }
  Streams& finish() {
    fill = streams.finish(state, image.data(), fill);
    CHECK(state.stash == kNoStash);
    CHECK(streams.memoryUsed() == 0);
    return *this;
  }
  std::string text() const { return {image.begin(), image.begin() + static_cast<std::ptrdiff_t>(fill)}; }
  TwinTcpCounts counts() const {
    return {state.retransmissions, state.outOfOrder, state.gaps, state.gapBytes};
  }

  TcpStreams streams;
  TcpState state = TcpStreams::fresh();
  std::uint8_t flags[2] = {};
  std::array<std::uint8_t, kImageBytes + 1> image;
  std::size_t fill = 0;
};

ByteVector bytes(const std::string& text) { return {text.begin(), text.end()}; }

TcpSegment data(std::uint32_t sequence, const std::string& text, unsigned direction = 0,
                std::uint32_t acknowledgement = 0) {
  return {.direction = direction,
          .sequence = sequence,
          .payload = bytes(text),
          .acknowledgement = acknowledgement};
}

TcpSegment ack(unsigned direction, std::uint32_t sequence, std::uint32_t acknowledgement) {
  return {.direction = direction, .sequence = sequence, .acknowledgement = acknowledgement};
}

using Counts = TwinTcpCounts;

}  // namespace

TEST_SUITE_BEGIN("TCP streams");

TEST_CASE("a connection in order: SYN and FIN count one, nothing is missing, directions alternate") {
  Streams s;
  s.add({.direction = 0, .sequence = 99, .flags = kTcpSyn});
  s.add({.direction = 1, .sequence = 499, .flags = kTcpSyn | kTcpAck, .acknowledgement = 100});
  s.add(ack(0, 100, 500));
  s.add(data(100, "GET ", 0, 500)).add(data(104, "/", 0, 500)).add(ack(1, 500, 105));
  s.add(data(500, "200 OK", 1, 105)).add(ack(0, 105, 506));
  s.add({.direction = 0, .sequence = 105, .payload = bytes("bye"), .flags = kTcpFin | kTcpAck});
  s.add({.direction = 1, .sequence = 506, .flags = kTcpFin | kTcpAck, .acknowledgement = 109});
  s.add(ack(0, 109, 507)).finish();
  CHECK(s.text() == "GET /200 OKbye");
  CHECK(s.counts() == Counts{});
  CHECK(s.state.next[0] == 109);
  CHECK(s.state.next[1] == 507);
}

TEST_CASE("a capture that begins in mid-connection begins at the first number it sees") {
  Streams s;
  s.add(data(1000, "abc")).add(data(5000, "xyz", 1)).add(data(1003, "def")).finish();
  CHECK(s.text() == "abcxyzdef");
  CHECK(s.counts() == Counts{});
  // What is before it is old, whatever it was.
  Streams old;
  old.add(data(1000, "abc")).add(data(990, "0123456789")).finish();
  CHECK(old.text() == "abc");
  CHECK(old.counts() == Counts{.retransmissions = 1});
}

TEST_CASE("numbers wrap around") {
  Streams s;
  s.add(data(0xFFFFFFFD, "abc")).add(data(3, "ghi")).add(data(0, "def")).add(data(0xFFFFFFFF, "cdefgh"));
  s.add(data(6, "jkl")).finish();
  CHECK(s.text() == "abcdefghijkl");
  CHECK(s.counts() == Counts{.retransmissions = 1, .outOfOrder = 1});
}

TEST_CASE("retransmissions: segments without anything new") {
  Streams s;
  s.add({.sequence = 99, .flags = kTcpSyn}).add({.sequence = 99, .flags = kTcpSyn});
  CHECK(s.counts() == Counts{.retransmissions = 1});
  s.add(data(100, "abcdef")).add(data(100, "abcdef")).add(data(102, "cd"));
  CHECK(s.counts() == Counts{.retransmissions = 3});
  s.add(data(104, "efgh"));  // brings gh
  CHECK(s.counts() == Counts{.retransmissions = 3});
  s.add({.sequence = 108, .flags = kTcpFin | kTcpAck}).add({.sequence = 108, .flags = kTcpFin | kTcpAck});
  CHECK(s.counts() == Counts{.retransmissions = 4});
  s.finish();
  CHECK(s.text() == "abcdefgh");
}

TEST_CASE("acknowledgements, keep-alives, probes and resets are no retransmissions") {
  Streams s;
  s.add(data(100, "abcdef"));
  s.add(ack(0, 106, 1)).add(ack(0, 106, 1)).add(ack(0, 100, 1));
  s.add(ack(0, 105, 1)).add(data(105, "f")).add(data(105, "x"));  // keep-alives with and without their byte
  s.add(data(106, "g"))
      .add(data(106, "g"))
      .add(data(106, "ghi"));  // a zero-window probe, and what it asked for
  s.add({.sequence = 0, .flags = kTcpRst})
      .add({.sequence = 999, .payload = bytes("no"), .flags = kTcpRst | kTcpAck});
  s.add({.sequence = 109, .flags = kTcpRst | kTcpAck});
  s.add(data(109, "j")).finish();
  CHECK(s.text() == "abcdefghij");
  CHECK(s.counts() == Counts{});
}

TEST_CASE("out of order: what fills a hole, in any order, as parts and over several islands") {
  Streams s;
  s.add(data(0, "a")).add(data(3, "d")).add(data(5, "f")).add(data(7, "h"));
  CHECK(s.text() == "a");
  CHECK(s.counts() == Counts{});
  s.add(data(5, "f"));
  CHECK(s.counts() == Counts{.retransmissions = 1});
  s.add(data(2, "c"));
  CHECK(s.text() == "a");
  s.add(data(1, "bcdefgh"));
  CHECK(s.text() == "abcdefgh");
  CHECK(s.state.stash == kNoStash);
  CHECK(s.streams.memoryUsed() == 0);
  s.add(data(8, "i")).finish();
  CHECK(s.text() == "abcdefghi");
  CHECK(s.counts() == Counts{.retransmissions = 1, .outOfOrder = 2});
}

TEST_CASE("the copy that came first is kept") {
  Streams s;
  s.add(data(0, "abc")).add(data(0, "ABCD")).add(data(6, "ghi")).add(data(4, "EFGHIJ")).finish();
  CHECK(s.text() == "abcDEFghiJ");
}

TEST_CASE("what is never filled is a gap, and leaves no trace in the image") {
  Streams s;
  s.add(data(0, "abc")).add(data(10, "def")).add(data(20, "ghi"));
  CHECK(s.counts() == Counts{});
  s.finish();
  CHECK(s.text() == "abcdefghi");
  CHECK(s.counts() == Counts{.gaps = 2, .gapBytes = 14});
}

TEST_CASE("an acknowledgement without payload tells of a hole before it") {
  Streams s;
  s.add(data(0, "abc")).add(ack(0, 13, 1)).add(ack(0, 23, 1));
  s.add(ack(0, 3, 1));
  s.add(data(23, "xyz"));
  CHECK(s.text() == "abc");
  s.add(data(13, "0123456789"));
  CHECK(s.counts() == Counts{.outOfOrder = 1});
  s.finish();
  CHECK(s.text() == "abc0123456789xyz");
  CHECK(s.counts() == Counts{.outOfOrder = 1, .gaps = 1, .gapBytes = 10});
  // At the end of what was captured.
  Streams end;
  end.add(data(0, "abc")).add(ack(0, 13, 1)).finish();
  CHECK(end.counts() == Counts{.gaps = 1, .gapBytes = 10});
  // Larger than was told first.
  Streams larger;
  larger.add(data(0, "abc")).add(ack(0, 13, 1)).add(data(15, "x")).finish();
  CHECK(larger.counts() == Counts{.gaps = 1, .gapBytes = 12});
  CHECK(larger.text() == "abcx");
}

TEST_CASE("a FIN can be early too") {
  Streams s;
  s.add(data(0, "abc")).add({.sequence = 6, .flags = kTcpFin | kTcpAck}).add(data(3, "def")).finish();
  CHECK(s.text() == "abcdef");
  CHECK(s.counts() == Counts{.outOfOrder = 1});
  CHECK(s.state.next[0] == 7);
}

TEST_CASE("what the receiver acknowledged and the capture lost does not hold up the session") {
  Streams s;
  s.add(data(0, "request1 ", 0)).add(data(500, "answer1 ", 1, 9));
  s.add(data(14, "half ", 0, 508));  // 9 to 13 are missing
  CHECK(s.text() == "request1 answer1 ");
  s.add(data(508, "answer2 ", 1, 19));  // the other side has them
  CHECK(s.text() == "request1 answer1 half answer2 ");
  s.add(data(19, "request3 ", 0, 516));
  CHECK(s.text() == "request1 answer1 half answer2 request3 ");
  // Too late for the image, in time for the counts.
  s.add(data(9, "_____", 0, 516));
  CHECK(s.counts() == Counts{.outOfOrder = 1});
  s.finish();
  CHECK(s.text() == "request1 answer1 half answer2 request3 ");
  CHECK(s.counts() == Counts{.outOfOrder = 1});

  SUBCASE("an acknowledgement of what is before the hole lets nothing out, nor does one of nonsense") {
    Streams t;
    t.add(data(0, "abc")).add(data(5, "fg")).add(ack(1, 900, 3));
    CHECK(t.text() == "abc");
    t.add(ack(1, 900, 4)).add(ack(1, 900, 0xF0000000)).add(ack(1, 900, 0x70000000));
    CHECK(t.text() == "abc");
    t.add(ack(1, 900, 5));
    CHECK(t.text() == "abcfg");
    t.finish();
    CHECK(t.counts() == Counts{.gaps = 1, .gapBytes = 2});
  }
  SUBCASE("a hole that was only told of") {
    Streams t;
    t.add(data(0, "abc")).add(ack(0, 5, 1)).add(ack(1, 900, 5));
    t.add(ack(0, 8, 1));
    t.add(data(5, "fg"));
    CHECK(t.text() == "abcfg");
    t.add(data(3, "de")).add(data(6, "ghi")).finish();
    CHECK(t.text() == "abcfghi");
    CHECK(t.counts() == Counts{.outOfOrder = 3});
  }
}

TEST_CASE("one hole more than is followed: the first is given up") {
  Streams s;
  s.add(data(0, "a"));
  for (std::uint32_t i = 1; i <= 8; ++i) s.add(data(i * 10, std::string(1, static_cast<char>('a' + i))));
  CHECK(s.text() == "a");
  CHECK(s.counts() == Counts{});
  s.add(data(90, "j"));
  CHECK(s.text() == "ab");
  CHECK(s.counts() == Counts{.gaps = 1, .gapBytes = 9});
  s.add(data(1, "?"));  // old now
  CHECK(s.counts() == Counts{.retransmissions = 1, .gaps = 1, .gapBytes = 9});
  s.add(data(15, "-"));  // splits the first hole: what is before it is given up
  CHECK(s.text() == "ab-");
  CHECK(s.counts() == Counts{.retransmissions = 1, .outOfOrder = 1, .gaps = 2, .gapBytes = 13});
  s.finish();
  CHECK(s.text() == "ab-cdefghij");
}

TEST_CASE("a hole further back than the largest window is given up") {
  Streams s;
  s.add(data(0, "a")).add(data(2, "c"));
  s.add(ack(0, 0x3FFFFFFF, 1)).add(ack(0, 0x40000001, 1));
  CHECK(s.counts() == Counts{});
  CHECK(s.text() == "a");
  s.add(ack(0, 0x40000002, 1));
  CHECK(s.counts() == Counts{.gaps = 1, .gapBytes = 1});
  CHECK(s.text() == "ac");
  s.add(data(0x80000000, "d"));
  CHECK(s.counts() == Counts{.gaps = 2, .gapBytes = 0x40000000});
  s.finish();
  CHECK(s.text() == "acd");
  CHECK(s.counts().gapBytes == 0x40000000u + (0x80000000u - 0x40000002u));
}

TEST_CASE("bytes missing are counted up to 2^32 - 1") {
  Streams s;
  s.add(data(0, "a"));
  for (std::uint32_t i = 1; i <= 20; ++i) s.add(data(i * 0x3FFFFFFFu, "b"));
  s.finish();
  CHECK(s.counts().gaps == 20);
  CHECK(s.counts().gapBytes == 0xFFFFFFFF);
}

TEST_CASE("a new SYN begins anew, an old one does not; neither does one far off count a gap") {
  Streams s;
  s.add({.sequence = 99, .flags = kTcpSyn}).add(data(100, "abc")).add({.sequence = 99, .flags = kTcpSyn});
  CHECK(s.counts() == Counts{.retransmissions = 1});
  s.add(data(106, "ghi")).add({.sequence = 70'000'000, .flags = kTcpSyn});
  CHECK(s.text() == "abcghi");
  CHECK(s.counts() == Counts{.retransmissions = 1, .gaps = 1, .gapBytes = 3});
  s.add(data(70'000'001, "new")).add({.sequence = 50, .flags = kTcpSyn}).add(data(51, "er")).finish();
  CHECK(s.text() == "abcghinewer");
  CHECK(s.counts() == Counts{.retransmissions = 1, .gaps = 1, .gapBytes = 3});
  // Data on a SYN (fast open, RFC 7413) has the numbers behind it.
  Streams open;
  open.add({.sequence = 99, .payload = bytes("early"), .flags = kTcpSyn})
      .add(data(100, "early data"))
      .finish();
  CHECK(open.text() == "early data");
  CHECK(open.counts() == Counts{});
}

TEST_CASE("a segment out of all windows begins anew; an acknowledgement from there says nothing") {
  Streams s;
  s.add(data(0, "abc")).add(data(5, "fg")).add(ack(0, 0x80000000, 1));
  CHECK(s.text() == "abc");
  s.add(data(0x80000000, "far")).add(data(0x80000003, "away"));
  CHECK(s.text() == "abcfgfaraway");
  CHECK(s.counts() == Counts{.gaps = 1, .gapBytes = 2});
  s.add(data(7, "h")).finish();
  CHECK(s.text() == "abcfgfarawayh");
  CHECK(s.counts() == Counts{.gaps = 1, .gapBytes = 2});
  // The borders, ahead and back.
  Streams ahead;
  ahead.add(data(0, "a")).add(data(0x40000001, "b")).finish();
  CHECK(ahead.counts() == Counts{.gaps = 1, .gapBytes = 0x40000000});
  Streams beyond;
  beyond.add(data(0, "a")).add(data(0x40000002, "b")).finish();
  CHECK(beyond.counts() == Counts{});
  Streams back;
  back.add(data(0, "a")).add(data(0xC0000001, "bb")).finish();
  CHECK(back.counts() == Counts{.retransmissions = 1});
  CHECK(back.text() == "a");
  Streams behind;
  behind.add(data(0, "a")).add(data(0xC0000000, "bb")).finish();
  CHECK(behind.counts() == Counts{});
  CHECK(behind.text() == "abb");
}

TEST_CASE("what the snaplen cut off moves the numbers and is no gap") {
  Streams s;
  s.add({.sequence = 0, .payload = bytes("abcdef"), .cutOff = 3});
  s.add({.sequence = 10, .payload = bytes("klmnop"), .cutOff = 4});
  s.add({.sequence = 6, .payload = bytes("ghij"), .cutOff = 1});
  s.add({.sequence = 3, .payload = bytes("defghijklmnopqr"), .cutOff = 1}).finish();
  CHECK(s.text() == "abcghiklq");
  CHECK(s.counts() == Counts{.outOfOrder = 1});
  CHECK(s.state.next[0] == 18);
}

TEST_CASE("a header that the snaplen cut before its flags says nothing") {
  Streams s;
  s.add(data(0, "abc"));
  TcpPacket made(data(100, "x"));
  made.packet.payloadOffset = made.packet.payloadEnd = 13;
  s.fill = s.streams.add(s.state, made.packet, 0, s.flags[0], s.image.data(), s.fill);
  s.add(data(3, "def")).finish();
  CHECK(s.text() == "abcdef");
  CHECK(s.counts() == Counts{});
}

TEST_CASE("an image that is full takes no more, and nothing waits for it") {
  Streams s;
  s.add(data(0, std::string(700, 'a'))).add(data(800, std::string(200, 'c')));
  const std::size_t waiting = s.streams.memoryUsed();
  CHECK(waiting > kImageBytes);
  CHECK(waiting < kImageBytes + 200);
  s.add(data(5000, std::string(784, 'r'), 1));
  CHECK(s.fill == kImageBytes);
  CHECK(s.streams.memoryUsed() < 200);
  s.add(data(2000, std::string(1000, 'd')));
  CHECK(s.streams.memoryUsed() < 200);
  s.add(data(700, std::string(100, 'b'))).finish();
  CHECK(s.text() == std::string(700, 'a') + std::string(84, 'r'));
  CHECK(s.image[kImageBytes] == kUntouched);
  CHECK(s.counts() == Counts{.outOfOrder = 1, .gaps = 1, .gapBytes = 1000});
}

TEST_CASE("more waits than there is room for: the front of it gets in") {
  Streams s;
  s.add(data(0, "^"));
  for (std::uint32_t i = 8; i > 0; --i) s.add(data(i * 200, std::string(199, static_cast<char>('a' + i)), 0));
  s.add(data(1, std::string(199, 'a'))).finish();
  CHECK(s.text() ==
        "^" + std::string(199, 'a') + std::string(199, 'b') + std::string(199, 'c') + std::string(186, 'd'));
}

TEST_CASE("sessions do not meddle with each other, and memory is what waits now") {
  TcpStreams streams(Order::kStream, View::kL7);
  struct Session {
    TcpState state = TcpStreams::fresh();
    std::array<std::uint8_t, kImageBytes> image;
    std::size_t fill = 0;
    std::uint8_t flags = 0;
  };
  std::vector<Session> sessions(3000);
  const auto send = [&](std::size_t i, std::uint32_t sequence, const std::string& text) {
    const TcpPacket made(data(sequence, text));
    Session& s = sessions[i];
    s.fill = streams.add(s.state, made.packet, 0, s.flags, s.image.data(), s.fill);
    s.flags |= kTcpAck;
  };
  const auto name = [](std::size_t i) { return "session " + std::to_string(i) + " "; };
  const std::size_t none = streams.memoryUsed();
  CHECK(none == 0);
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    send(i, 0, "<");
    send(i, 2, name(i));
  }
  const std::size_t all = streams.memoryUsed();
  CHECK(all >= sessions.size() * kImageBytes);
  CHECK(all <= sessions.size() * 1024);
  // Every second one in a scattered order, then again, then all.
  for (std::size_t i = 0; i < sessions.size(); ++i)
    if (const std::size_t at = i * 7 % sessions.size(); at % 2 == 0) send(at, 1, "|");
  CHECK(streams.memoryUsed() == all / 2);
  for (std::size_t i = 0; i < sessions.size(); i += 2) send(i, 2000, name(i));
  CHECK(streams.memoryUsed() == all);
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    Session& s = sessions[i];
    s.fill = streams.finish(s.state, s.image.data(), s.fill);
    CHECK(std::string(s.image.begin(), s.image.begin() + static_cast<std::ptrdiff_t>(s.fill)) ==
          (i % 2 == 0 ? "<|" + name(i) + name(i) : "<" + name(i)));
  }
  CHECK(streams.memoryUsed() == 0);
}

TEST_CASE("places of a slab are reused, and a chunk that is empty goes back") {
  Slab<std::uint64_t, 4> slab;
  std::mt19937 random(1);
  std::vector<std::uint32_t> held;
  std::size_t most = 0;
  for (int round = 0; round < 20000; ++round) {
    if (held.empty() || random() % 100 < (round / 2000 % 2 == 0 ? 60u : 40u)) {
      held.push_back(slab.acquire());
      slab[held.back()] = held.back() + 7;
    } else {
      std::swap(held[random() % held.size()], held.back());
      CHECK(slab[held.back()] == held.back() + 7);
      slab.release(held.back());
      held.pop_back();
    }
    REQUIRE(slab.live() == held.size());
    most = std::max(most, held.size());
  }
  CHECK(most > 100);
  CHECK(std::set(held.begin(), held.end()).size() == held.size());
  for (const std::uint32_t index : held) slab.release(index);
  CHECK(slab.live() == 0);
  CHECK(slab.chunks() == 1);
}

namespace {

// What two hosts send: cut, lost, repeated, turned around, damaged.
std::vector<TcpSegment> randomSegments(std::mt19937& random) {
  const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
  std::vector<TcpSegment> all;
  std::uint32_t sent[2] = {0xFFFFFF00 + below(512),
                           below(2) == 0 ? 0u - below(40) : static_cast<std::uint32_t>(random())};
  const std::uint32_t size = 1 + below(below(3) == 0 ? 300 : 20);
  const std::uint32_t trouble = below(30);
  std::uint8_t value = 1;
  const auto push = [&](TcpSegment segment) {
    if (below(100) < trouble) return;
    if (below(100) < trouble / 2) all.push_back(segment);
    std::size_t at = all.size();
    while (at > 0 && below(100) < trouble) --at;
    all.insert(all.begin() + static_cast<std::ptrdiff_t>(at), std::move(segment));
  };
  if (below(2) == 0) {
    push({.direction = 0, .sequence = sent[0]++, .flags = kTcpSyn});
    push({.direction = 1, .sequence = sent[1]++, .flags = kTcpSyn | kTcpAck, .acknowledgement = sent[0]});
  }
  const std::uint32_t steps = 5 + below(100);
  for (std::uint32_t step = 0; step < steps; ++step) {
    const unsigned direction = below(2);
    TcpSegment segment{
        .direction = direction, .sequence = sent[direction], .acknowledgement = sent[1 - direction]};
    if (below(3) == 0) segment.acknowledgement -= below(3 * size);
    const std::uint32_t kind = below(100);
    if (kind < 15) {
      // no payload
    } else if (kind < 18) {
      segment.flags |= kTcpRst;
      segment.sequence += below(3) * (below(1000) - 500u);
    } else if (kind < 21) {
      segment.sequence -= 1;
      segment.payload = {9};
    } else if (kind < 30) {
      // Again, cut another way, and with other contents.
      segment.sequence -= below(4 * size);
      segment.payload.assign(1 + below(3 * size), below(2) == 0 ? value : std::uint8_t{255});
    } else if (kind < 33) {
      segment.sequence += below(8 * size);
      segment.payload.assign(below(size), 254);
    } else {
      segment.payload.assign(1 + below(size), ++value);
      sent[direction] += static_cast<std::uint32_t>(segment.payload.size());
    }
    if (below(60) == 0) segment.flags |= kTcpFin;
    if (below(200) == 0) {
      segment.flags |= kTcpSyn;
      segment.sequence = sent[direction] = sent[direction] + below(3) * (below(200'000) - 100'000u);
    }
    if (below(200) == 0) {
      const std::uint32_t far[] = {0x40000000, 0x3FFFFFFF, 0x40000001, 0x80000000,
                                   0xC0000000, 0x3FFFFF00, 0xBFFFFFF0};
      segment.sequence += far[below(7)] + below(3) * below(20);
      if (below(2) == 0)
        sent[direction] = segment.sequence + static_cast<std::uint32_t>(segment.payload.size());
    }
    if (below(100) == 0) segment.acknowledgement = static_cast<std::uint32_t>(random());
    if (below(300) == 0) segment.flags = 0;
    if (below(20) == 0) segment.cutOff = below(static_cast<std::uint32_t>(segment.payload.size()) + 1);
    push(segment);
  }
  return all;
}

}  // namespace

TEST_CASE("random segments: the image at every step, and the counts, equal the twin's; counts know no view") {
  std::uint64_t seen[5] = {};
  for (std::uint32_t seed = 0; seed < 6000; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    Streams stream, capture(Order::kCapture, View::kL7), packets(Order::kStream, View::kL3);
    TwinTcp twin;
    const auto same = [&] {
      REQUIRE(stream.counts() == twin.counts);
      const std::size_t fill = std::min(twin.stream.size(), kImageBytes);
      REQUIRE(stream.fill == fill);
      REQUIRE(std::equal(twin.stream.begin(), twin.stream.begin() + static_cast<std::ptrdiff_t>(fill),
                         stream.image.begin()));
    };
    for (const TcpSegment& segment : randomSegments(random)) {
      for (Streams* s : {&stream, &capture, &packets}) s->add(segment);
      twin.add(segment);
      same();
    }
    for (Streams* s : {&stream, &capture, &packets}) s->finish();
    twin.finish();
    same();
    for (Streams* s : {&capture, &packets}) {
      REQUIRE(s->counts() == twin.counts);
      REQUIRE(s->fill == 0);
      REQUIRE(s->image[0] == kUntouched);
    }
    const std::uint64_t counts[] = {twin.counts.retransmissions, twin.counts.outOfOrder, twin.counts.gaps,
                                    twin.counts.gapBytes == 0xFFFFFFFF, twin.stream.size() > kImageBytes};
    for (std::size_t i = 0; i < std::size(counts); ++i) seen[i] += counts[i];
  }
  for (std::size_t i = 0; i < 3; ++i) CHECK(seen[i] > 3000);  // the random walk goes everywhere
  CHECK(seen[4] > 300);
}

TEST_SUITE_END();
