#include "session/session_table.hpp"

#include <doctest/doctest.h>

#include <random>

#include "support/extracted.hpp"
#include "support/twin_table.hpp"

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
            "EIAM"[static_cast<int>(row.endReason)] + " ";
  }
  return text;
}

}  // namespace

TEST_SUITE_BEGIN("session table");

TEST_CASE(
    "without timeouts a session lasts from the file's first to its last packet, in order of first packets") {
  CHECK(rowsOf(play({{0, 2}, {1, 1}, {1'000'000, 3}, {2'000'000, 1}, {3'000'000, 2}}, timeouts(0, 0))) ==
        "2:2:E 1:2:E 3:1:E ");
}

TEST_CASE("idle: a gap of exactly the timeout ends a session, a shorter one does not") {
  CHECK(rowsOf(play({{0, 1}, {119, 1}, {238, 1}}, timeouts(120, 0))) == "1:3:E ");
  CHECK(rowsOf(play({{0, 1}, {120, 1}}, timeouts(120, 0))) == "1:1:I 1:1:E ");
}

TEST_CASE("idle sessions are emitted by any packet's time, in the order of their last packets") {
  CHECK(rowsOf(play({{0, 1}, {1, 2}, {2, 3}, {3, 1}, {200, 4}}, timeouts(120, 0))) ==
        "2:1:I 3:1:I 1:2:I 4:1:E ");
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

TEST_CASE("the memory cap evicts the longest inactive, and counts it") {
  ExtractOptions options = timeouts(0, 0);
  options.memoryBytes = 3 * SessionTable::kBytesPerSession;
  const Extracted got = play({{0, 1}, {1, 2}, {2, 3}, {3, 1}, {4, 4}, {5, 5}, {6, 1}, {7, 2}}, options);
  CHECK(rowsOf(got) == "2:1:M 3:1:M 4:1:M 1:3:E 5:1:E 2:1:E ");
  CHECK(got.summary.ended[static_cast<std::size_t>(EndReason::kEvicted)] == 3);
}

TEST_CASE("a cap below one session still holds one") {
  ExtractOptions options = timeouts(0, 0);
  options.memoryBytes = 0;
  CHECK(rowsOf(play({{0, 1}, {1, 1}, {2, 2}}, options)) == "1:2:M 2:1:E ");
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

TEST_CASE("random traffic equals the plain twin, whatever the batch size, the cap and the timeouts") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const std::size_t maxSessions = 1 + random() % (seed % 3 == 0 ? 4 : 200);
    ExtractOptions options =
        timeouts(static_cast<std::int64_t>(random() % 3) * 60, static_cast<std::int64_t>(random() % 3) * 300);
    options.memoryBytes = maxSessions * SessionTable::kBytesPerSession;
    const std::uint32_t hosts = 1 + random() % 6;
    const std::uint16_t ports = static_cast<std::uint16_t>(1 + random() % 8);
    const std::uint64_t disorder = random() % 4;  // 0: time only advances

    TwinTable twin(options, maxSessions);
    PcapBuilder pcap({.linktype = 101});
    std::int64_t now = 1'000'000 * kSecond;
    for (int i = 0; i < 600; ++i) {
      now += static_cast<std::int64_t>(random() % 20) * kSecond / 4;
      if (random() % 100 < disorder) now += static_cast<std::int64_t>(random() % 2000) * kSecond;
      std::int64_t time = now;
      if (random() % 20 < disorder) time -= static_cast<std::int64_t>(random() % 500) * kSecond;
      if (random() % 200 < disorder) time += static_cast<std::int64_t>(random() % 1'000'000) * kSecond;
      TwinPacket packet{time,
                        static_cast<std::uint32_t>(0x0A000001 + random() % hosts),
                        static_cast<std::uint32_t>(0x0A000001 + random() % hosts),
                        static_cast<std::uint16_t>(1000 + random() % ports),
                        static_cast<std::uint16_t>(1000 + random() % ports),
                        random() % 2 == 0,
                        {}};
      const ByteVector payload = filled(random() % 200, static_cast<std::uint8_t>(1 + i % 250));
      packet.ip = ipv4({.source = packet.source,
                        .destination = packet.destination,
                        .protocol = static_cast<std::uint8_t>(packet.tcp ? 6 : 17),
                        .payload = packet.tcp ? tcp({.sourcePort = packet.sourcePort,
                                                     .destinationPort = packet.destinationPort,
                                                     .payload = payload})
                                              : udp({.sourcePort = packet.sourcePort,
                                                     .destinationPort = packet.destinationPort,
                                                     .payload = payload})});
      twin.add(packet);
      pcap.record(time, packet.ip);
    }
    twin.flush();
    const TempFile file(pcap.bytes());
    for (const std::size_t rowsPerBatch :
         {std::size_t{1}, std::size_t{1 + random() % 7}, std::size_t{1000}}) {
      const Extracted got = extract({file.path()}, options, rowsPerBatch);
      REQUIRE(got.rows.size() == twin.rows().size());
      for (std::size_t i = 0; i < got.rows.size(); ++i) REQUIRE(got.rows[i] == twin.rows()[i]);
    }
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
