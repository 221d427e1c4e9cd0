#include "session/session_engine.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "support/extracted.hpp"
#include "support/twin_engine.hpp"

using namespace flowglyph;
using namespace flowglyph::test;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

struct Step {
  std::int64_t seconds;
  std::uint16_t port;  // the session
};

Extracted play(const std::vector<Step>& steps, const ExtractOptions& options, std::size_t rowsPerBatch = 64) {
  PcapBuilder pcap;
  for (const Step& step : steps) pcap.record(step.seconds * kSecond, udp4Frame({.sourcePort = step.port}));
  return extractBytes(pcap.bytes(), options, rowsPerBatch);
}

ExtractOptions timeouts(std::int64_t idle, std::int64_t active) {
  ExtractOptions options = plainOptions();
  options.idleTimeoutNs = static_cast<std::uint64_t>(idle * kSecond);
  options.activeTimeoutNs = static_cast<std::uint64_t>(active * kSecond);
  return options;
}

// "port:packets:reason" for each row
std::string rowsOf(const Extracted& got) {
  std::string text;
  for (const Row& row : got.rows) {
    text += std::to_string(row.initiatorPort) + ":" +
            std::to_string(row.initiatorPackets + row.responderPackets) + ":" +
            "EIAMFRe"[static_cast<int>(row.endReason)] + " ";
  }
  return text;
}

}  // namespace

TEST_SUITE_BEGIN("session engine");

TEST_CASE(
    "without timeouts a session lasts from the file's first to its last packet, in order of first packets") {
  CHECK(rowsOf(play({{0, 2}, {1, 1}, {1'000'000, 3}, {2'000'000, 1}, {3'000'000, 2}}, timeouts(0, 0))) ==
        "2:2:E 1:2:E 3:1:E ");
}

TEST_CASE("idle: a gap of exactly the timeout ends a session, a shorter one does not") {
  CHECK(rowsOf(play({{0, 1}, {119, 1}, {238, 1}}, timeouts(120, 0))) == "1:3:E ");
  CHECK(rowsOf(play({{0, 1}, {120, 1}}, timeouts(120, 0))) == "1:1:I 1:1:E ");
}

TEST_CASE("idle sessions come out with any later packet, in the order of their first packets") {
  CHECK(rowsOf(play({{0, 1}, {1, 2}, {2, 3}, {3, 1}, {200, 4}}, timeouts(120, 0))) ==
        "1:2:I 2:1:I 3:1:I 4:1:E ");
  // Late by no more than a 128th of the timeout.
  CHECK(rowsOf(play({{0, 1}, {60, 2}, {122, 3}}, timeouts(120, 0))) == "1:1:I 2:1:E 3:1:E ");
}

TEST_CASE("active: a packet that comes the timeout or longer after the first starts anew") {
  CHECK(rowsOf(play({{0, 1}, {60, 1}, {100, 1}, {150, 1}}, timeouts(120, 100))) == "1:2:A 1:2:E ");
  CHECK(rowsOf(play({{0, 1}, {60, 1}, {99, 1}, {150, 1}}, timeouts(0, 100))) == "1:3:A 1:1:E ");
}

TEST_CASE("time that goes backwards ends nothing, and the end never lies before the start") {
  const Extracted got = play({{1000, 1}, {500, 1}, {501, 2}, {1001, 1}}, timeouts(120, 1800));
  CHECK(rowsOf(got) == "2:1:I 1:3:E ");
  CHECK(got.rows[1].startNs == 1000 * kSecond);
  CHECK(got.rows[1].endNs == 1001 * kSecond);
}

TEST_CASE("one timestamp from the far future does not keep idle sessions from being emitted") {
  const Extracted got =
      play({{4'000'000'000, 9}, {0, 1}, {1, 2}, {2, 3}, {200, 4}, {201, 4}, {400, 5}}, timeouts(120, 0));
  CHECK(rowsOf(got) == "1:1:I 2:1:I 3:1:I 4:2:I 9:1:E 5:1:E ");
}

struct Segment {
  std::int64_t seconds;
  bool fromInitiator;
  std::uint8_t flags;
};

std::string closings(const std::vector<Segment>& segments, const ExtractOptions& options) {
  PcapBuilder pcap;
  for (const Segment& segment : segments) {
    const std::uint16_t ports[2] = {1, 2};
    const std::uint32_t hosts[2] = {0x0A000001, 0x0A000002};
    const int from = segment.fromInitiator ? 0 : 1;
    pcap.record(
        segment.seconds * kSecond,
        tcp4Frame({.sourcePort = ports[from], .destinationPort = ports[1 - from], .flags = segment.flags},
                  hosts[from], hosts[1 - from]));
  }
  return rowsOf(extractBytes(pcap.bytes(), options));
}

TEST_CASE("a TCP session closes by FIN both ways or RST, and ends 5 s later or with a new SYN") {
  constexpr std::uint8_t kFin = 0x11, kAck = 0x10, kRst = 0x14, kSyn = 0x02, kSynAck = 0x12;
  const ExtractOptions options = timeouts(120, 0);
  CHECK(closings({{0, true, kSyn}, {1, true, kFin}, {2, false, kAck}, {50, false, kFin}, {54, true, kAck}},
                 options) == "1:5:F ");
  CHECK(closings({{0, true, kFin}, {1, false, kFin}, {6, true, kAck}}, options) == "1:2:F 1:1:E ");
  CHECK(closings({{0, true, kAck}, {1, false, kRst}, {2, true, kSyn}, {3, false, kSynAck}}, options) ==
        "1:2:R 1:2:E ");
  // FIN of one side is no end; a SYN with ACK starts nothing.
  CHECK(closings({{0, true, kFin}, {100, false, kAck}, {101, true, kSyn}}, options) == "1:3:E ");
  CHECK(closings({{0, true, kFin}, {1, false, kFin}, {2, false, kSynAck}}, options) == "1:3:F ");
  // Without an idle timeout, or told so, closing ends nothing.
  CHECK(closings({{0, true, kFin}, {1, false, kFin}, {60, true, kSyn}}, timeouts(0, 0)) == "1:3:E ");
  ExtractOptions open = options;
  open.closeTimeoutNs = 0;
  CHECK(closings({{0, true, kFin}, {1, false, kFin}, {60, true, kSyn}}, open) == "1:3:E ");
}

TEST_CASE("a closed session comes out by the clock, not only by its own packets") {
  PcapBuilder pcap;
  pcap.record(0, tcp4Frame({.flags = 0x14}));
  pcap.record(7 * kSecond, udp4Frame({.sourcePort = 9}));
  CHECK(rowsOf(extractBytes(pcap.bytes(), timeouts(120, 0))) == "40000:1:R 9:1:E ");
}

TEST_CASE("the memory cap evicts those whose last packet is the longest ago, and counts them") {
  ExtractOptions options = timeouts(0, 0);
  options.memoryBytes = 1;  // the smallest: 16 sessions, looked at before every other packet
  const MemoryGovernor governor(options);
  REQUIRE(governor.capacity() == 16);
  REQUIRE(governor.interval() == 2);
  std::vector<Step> steps;
  for (std::uint16_t port = 1; port <= 15; ++port) steps.push_back({port, port});
  steps.push_back({16, 3});
  steps.push_back({17, 16});
  const Extracted got = play(steps, options);
  // 15 live and room for 2 wanted: down to 14 - 2.
  CHECK(rowsOf(got).starts_with("1:1:M 2:1:M 3:2:M 4:1:E "));
  CHECK(got.summary.ended[static_cast<std::size_t>(EndReason::kEvicted)] == 3);
  CHECK(got.summary.peakSessions <= 16);
}

TEST_CASE("a flood of one-packet sessions stays below the cap, and every session is accounted for") {
  ExtractOptions options = timeouts(120, 1800);
  options.memoryBytes = std::size_t{4} << 20;
  const std::size_t capacity = MemoryGovernor(options).capacity();
  PcapBuilder pcap;
  constexpr std::uint32_t kFlood = 30'000;
  for (std::uint32_t i = 0; i < kFlood; ++i)
    pcap.record(i * 1000, udp4Frame({.sourcePort = static_cast<std::uint16_t>(i)}, 0x0A000000 + i / 60'000));
  for (const unsigned threads : {1u, 3u}) {
    options.threads = threads;
    const Extracted got = extractBytes(pcap.bytes(), options, 512);
    CHECK(got.rows.size() == kFlood);
    CHECK(got.summary.peakSessions <= capacity);
    const std::uint64_t evicted = got.summary.ended[static_cast<std::size_t>(EndReason::kEvicted)];
    const std::uint64_t left = got.summary.ended[static_cast<std::size_t>(EndReason::kEndOfInput)];
    CHECK(evicted + left == kFlood);
    CHECK(left > capacity / 8 * 6);
  }
}

TEST_CASE("sessions never span files, and groups count files") {
  PcapBuilder pcap;
  pcap.record(0, udp4Frame({.sourcePort = 1})).record(1, udp4Frame({.sourcePort = 2}));
  const TempFile a(pcap.bytes()), b(pcap.bytes());
  const Extracted got = extract({a.path(), b.path()}, timeouts(0, 0), 1);
  CHECK(rowsOf(got) == "1:1:E 2:1:E 1:1:E 2:1:E ");
  CHECK(got.rows[1].captureGroup == 0);
  CHECK(got.rows[2].captureGroup == 1);
}

TEST_CASE(
    "random traffic equals the plain twin, whatever the threads, the batch size, the cap and the timeouts") {
  std::uint64_t shortened = 0;
  std::array<std::size_t, kEndReasons> reasons{};
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    ExtractOptions options =
        timeouts(static_cast<std::int64_t>(random() % 3) * 60, static_cast<std::int64_t>(random() % 3) * 300);
    options.closeTimeoutNs = random() % 3 * 4 * kSecond;
    options.sequence = random() % 3 * 5;
    options.memoryBytes = random() % 200 * 1100;
    options.early = random() % 3 == 0;
    options.earlyPackets = options.early ? static_cast<std::uint32_t>(random() % 3 * 3) : 0;
    const MemoryGovernor governor(options);
    const std::uint32_t hosts = 1 + random() % 6;
    const std::uint16_t ports = static_cast<std::uint16_t>(1 + random() % 8);
    const std::uint64_t disorder = random() % 4;  // 0: time only advances

    TwinEngine twin(options, governor.capacity(), governor.interval());
    PcapBuilder pcap({.linktype = 101});
    std::int64_t now = 1'000'000 * kSecond;
    for (int i = 0; i < 600; ++i) {
      now += static_cast<std::int64_t>(random() % 20) * kSecond / 4;
      if (random() % 100 < disorder) now += static_cast<std::int64_t>(random() % 2000) * kSecond;
      std::int64_t time = now;
      if (random() % 20 < disorder) time -= static_cast<std::int64_t>(random() % 500) * kSecond;
      if (random() % 200 < disorder) time += static_cast<std::int64_t>(random() % 1'000'000) * kSecond;
      constexpr std::uint8_t kFlags[] = {0x02, 0x12, 0x10, 0x18, 0x18, 0x18, 0x11, 0x14};
      TwinPacket packet{time,
                        static_cast<std::uint32_t>(0x0A000001 + random() % hosts),
                        static_cast<std::uint32_t>(0x0A000001 + random() % hosts),
                        static_cast<std::uint16_t>(1000 + random() % ports),
                        static_cast<std::uint16_t>(1000 + random() % ports),
                        random() % 2 == 0,
                        kFlags[random() % 8],
                        {}};
      if (!packet.tcp) packet.tcpFlags = 0;
      const ByteVector payload = filled(random() % 200, static_cast<std::uint8_t>(1 + i % 250));
      packet.ip = ipv4({.source = packet.source,
                        .destination = packet.destination,
                        .protocol = static_cast<std::uint8_t>(packet.tcp ? 6 : 17),
                        .payload = packet.tcp ? tcp({.sourcePort = packet.sourcePort,
                                                     .destinationPort = packet.destinationPort,
                                                     .payload = payload,
                                                     .flags = packet.tcpFlags})
                                              : udp({.sourcePort = packet.sourcePort,
                                                     .destinationPort = packet.destinationPort,
                                                     .payload = payload})});
      twin.add(packet);
      pcap.record(time, packet.ip);
    }
    twin.flush();
    shortened += twin.shortened();
    const std::vector<Row> expected = twin.rows();
    for (const Row& row : expected) ++reasons[static_cast<std::size_t>(row.endReason)];
    const TempFile file(pcap.bytes());
    std::vector<Row> first;
    for (const unsigned threads : {1u, 2u, 4u}) {
      options.threads = threads;
      const std::size_t rowsPerBatch = threads == 1 ? 1 : threads == 2 ? 1 + random() % 7 : 1000;
      Extracted got = extract({file.path()}, options, rowsPerBatch);
      REQUIRE(got.rows.size() == expected.size());
      CHECK(got.summary.shortenedSessions == twin.shortened());
      // The counts of sequence numbers have a twin of their own: here they are only to be the same for all
      // threads.
      if (threads == 1) first = got.rows;
      REQUIRE(got.rows == first);
      for (std::size_t i = 0; i < got.rows.size(); ++i) {
        Row& row = got.rows[i];
        row.retransmissions = row.outOfOrder = row.gaps = row.gapBytes = 0;
        REQUIRE(row == expected[i]);
      }
    }
  }
  // The traffic reached what it is to test.
  CHECK(shortened > 0);
  for (const std::size_t count : reasons) CHECK(count > 0);
}

TEST_CASE(
    "early: a row as soon as so many packets are there, none when the session ends, and counts that add up") {
  ExtractOptions options = timeouts(120, 0);
  options.early = true;
  options.earlyPackets = 2;
  const Extracted got =
      play({{0, 1}, {1, 2}, {2, 1}, {3, 1}, {4, 3}, {5, 2}, {6, 1}, {200, 1}, {201, 1}}, options);
  CHECK(rowsOf(got) == "1:2:e 2:2:e 3:1:I 1:2:e ");
  CHECK(got.rows[0].endNs == 2 * kSecond);
  CHECK(got.summary.emittedSessions() == 4);
  CHECK(got.summary.ended[static_cast<std::size_t>(EndReason::kEarly)] == 3);
  CHECK(got.summary.packets == 9);
}

TEST_CASE(
    "early: an image that is full is the one that the session ends with, and TCP's counts are whole "
    "sessions'") {
  for (const auto& [view, order] :
       {std::pair{View::kL3, Order::kStream}, std::pair{View::kL7, Order::kStream},
        std::pair{View::kL7, Order::kCapture}, std::pair{View::kPcap, Order::kStream}}) {
    std::mt19937_64 random(7);
    PcapBuilder pcap;
    std::array<std::uint32_t, 40> sequence{};
    for (int i = 0; i < 2000; ++i) {
      const auto session = static_cast<std::uint16_t>(random() % sequence.size());
      const ByteVector payload = filled(random() % 150, static_cast<std::uint8_t>(i));
      // Now and then one is missing, or comes again.
      if (random() % 20 == 0) sequence[session] += 30;
      pcap.record(i * kSecond / 100, tcp4Frame({.sourcePort = static_cast<std::uint16_t>(1000 + session),
                                                .sequence = sequence[session],
                                                .payload = payload,
                                                .flags = 0x10}));
      if (random() % 20 != 0) sequence[session] += static_cast<std::uint32_t>(payload.size());
    }
    ExtractOptions options = timeouts(0, 0);
    options.view = view;
    options.order = order;
    const Extracted whole = extractBytes(pcap.bytes(), options);
    options.early = true;
    const Extracted early = extractBytes(pcap.bytes(), options);
    REQUIRE(early.rows.size() == whole.rows.size());
    std::size_t full = 0;
    for (const Row& row : early.rows) {
      const auto same = std::find_if(whole.rows.begin(), whole.rows.end(), [&](const Row& other) {
        return other.initiatorPort == row.initiatorPort;
      });
      REQUIRE(same != whole.rows.end());
      CHECK(row.image == same->image);
      CHECK(row.initiatorPackets <= same->initiatorPackets);
      if (row.endReason == EndReason::kEarly) CHECK(row.imageBytes == kImageBytes);
      full += row.endReason == EndReason::kEarly ? 1 : 0;
    }
    CHECK(full > 20);
    CHECK(early.summary.retransmissions == whole.summary.retransmissions);
    CHECK(early.summary.outOfOrder == whole.summary.outOfOrder);
    CHECK(early.summary.gaps == whole.summary.gaps);
    CHECK(early.summary.sessionPackets == whole.summary.sessionPackets);
  }
}

TEST_CASE("hashes depend on every word of the key and on the secret") {
  const SessionKey key{{1, 2, 3, 4, 5}};
  std::mt19937_64 random(3);
  std::array<std::uint64_t, 6> secret;
  for (auto& word : secret) word = random();
  const KeyHash a(secret);
  secret[5] ^= 1;
  const KeyHash b(secret);
  CHECK(a(key) != b(key));
  for (std::size_t i = 0; i < key.words.size(); ++i) {
    SessionKey other = key;
    other.words[i] ^= std::uint64_t{1} << (7 * i);
    CHECK(a(key) != a(other));
    CHECK_FALSE(key == other);
  }
}

TEST_SUITE_END();
