#include <doctest/doctest.h>
#include <unistd.h>

#include <array>

#include "capture_error.hpp"
#include "support/extracted.hpp"
#include "support/pipes.hpp"
#include "support/read_records.hpp"

using namespace flowglyph;
using namespace flowglyph::test;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
const std::int64_t kTime = 1'700'000'000 * kSecond + 123'456'789;

ByteVector frame(std::uint16_t port) { return udp4Frame({.sourcePort = port, .payload = {1, 2, 3, 4}}); }

}  // namespace

TEST_SUITE_BEGIN("capture readers");

TEST_CASE("classic pcap in both byte orders and both resolutions") {
  for (const bool bigEndian : {false, true}) {
    for (const bool nanoseconds : {false, true}) {
      CAPTURE(bigEndian);
      CAPTURE(nanoseconds);
      PcapBuilder pcap({.bigEndian = bigEndian, .nanoseconds = nanoseconds});
      pcap.record(kTime, frame(1)).record(kTime + kSecond, frame(1), 1500);
      const Extracted got = extractBytes(pcap.bytes());
      REQUIRE(got.rows.size() == 1);
      CHECK(got.rows[0].startNs == (nanoseconds ? kTime : kTime / 1000 * 1000));
      CHECK(got.rows[0].endNs == got.rows[0].startNs + kSecond);
      CHECK(got.summary.packets == 2);
      CHECK(got.summary.source.linktypes == std::vector<std::uint16_t>{1});
      CHECK(got.summary.source.bytesRead == pcap.bytes().size());
      CHECK(got.summary.source.totalBytes == pcap.bytes().size());
      CHECK_FALSE(got.summary.source.truncated);
    }
  }
}

TEST_CASE("old and patched classic formats: swapped lengths before 2.3, Kuznetzov's longer record header") {
  for (const PcapOptions& options : {PcapOptions{.minorVersion = 2}, PcapOptions{.magic = 0xa1b2cd34},
                                     PcapOptions{.bigEndian = true, .magic = 0xa1b2cd34}}) {
    PcapBuilder pcap(options);
    pcap.record(kTime, frame(1), 1500).record(kTime, frame(2));
    const Extracted got = extractBytes(pcap.bytes());
    CHECK(got.rows.size() == 2);
    CHECK(got.summary.source.warnings.empty());
  }
}

TEST_CASE("every classic magic in both byte orders, from a file and byte by byte") {
  const struct {
    std::uint32_t magic;
    bool nanoseconds;
  } formats[] = {
      {0xa1b2c3d4, false}, {0xa1b23c4d, true}, {0xa1b2cd34, false}, {0x1c0001ac, true}, {0x1c0001ab, false}};
  for (const auto& [magic, nanoseconds] : formats) {
    for (const bool bigEndian : {false, true}) {
      CAPTURE(magic);
      CAPTURE(bigEndian);
      PcapBuilder pcap({.bigEndian = bigEndian, .nanoseconds = nanoseconds, .magic = magic});
      pcap.record(kTime, frame(1)).record(kTime + kSecond, frame(2), 1500);
      const ReadRecords got = readBytes(pcap.bytes());
      REQUIRE(got.records.size() == 2);
      const std::int64_t time = nanoseconds ? kTime : kTime / 1000 * 1000;
      CHECK(got.records[0] == RecordCopy{time, frame(1), static_cast<std::uint32_t>(frame(1).size()), 1, 0});
      CHECK(got.records[1] == RecordCopy{time + kSecond, frame(2), 1500, 1, 0});
      CHECK(got.totals.warnings.empty());
      CHECK(got.totals.bytesRead == pcap.bytes().size());

      Pipe pipe;
      RecordSource source({pipe.path()}, {});
      const std::atomic<bool> stop{false};
      std::array<Record, 4> records;
      std::size_t found = 0;
      for (const std::uint8_t byte : pcap.bytes()) {
        pipe.write({&byte, 1});
        source.waitUntil(RecordSource::Clock::now() + std::chrono::milliseconds{1}, stop);
        found += source.read(records).count;
      }
      CHECK(found == 2);
    }
  }
}

TEST_CASE("reserved magics that nobody described are no captures") {
  for (const std::uint32_t magic : {0xa12b3c4du, 0xa1b234cdu}) {
    const ReadRecords got = readBytes(PcapBuilder({.magic = magic}).record(kTime, frame(1)).bytes());
    REQUIRE(got.errors.size() == 1);
    CHECK(got.errors[0].find("ERR_CAPTURE_FORMAT") == 0);
  }
}

TEST_CASE("an IXIA file header that is cut in its last field is a truncation") {
  const ByteVector header = PcapBuilder({.magic = 0x1c0001ab}).bytes();
  const ReadRecords got = readBytes(ByteVector(header.begin(), header.begin() + 26));
  CHECK(got.totals.truncated);
  REQUIRE(got.totals.warnings.size() == 1);
  CHECK(got.totals.warnings[0].find("file header needs 28 bytes, 26 left") != std::string::npos);
}

TEST_CASE("AIX: nanoseconds under the usual magic, interface types for link types, either order of lengths") {
  for (const auto& [interfaceType, linktype] :
       {std::pair<std::uint32_t, std::uint16_t>{6, 1}, {9, 6}, {15, 10}, {24, 0}}) {
    PcapBuilder pcap(
        {.linktype = interfaceType, .nanoseconds = true, .magic = 0xa1b2c3d4, .minorVersion = 2});
    pcap.record(kTime, frame(1), 1500);
    const ReadRecords got = readBytes(pcap.bytes());
    REQUIRE(got.records.size() == 1);
    CHECK(got.records[0] == RecordCopy{kTime, frame(1), 1500, linktype, 0});
  }
  // Version 2.2 of somebody else.
  PcapBuilder other({.linktype = 1, .minorVersion = 2});
  other.record(kTime, frame(1), 1500);
  const ReadRecords got = readBytes(other.bytes());
  REQUIRE(got.records.size() == 1);
  CHECK(got.records[0].timeNs == kTime / 1000 * 1000);
  CHECK(got.records[0].linktype == 1);
}

TEST_CASE("DG/UX writes version 543.0 with its lengths the other way round") {
  PcapBuilder pcap({.minorVersion = 0, .majorVersion = 543});
  pcap.record(kTime, frame(1), 1500).record(kTime, frame(2));
  const ReadRecords got = readBytes(pcap.bytes());
  REQUIRE(got.records.size() == 2);
  CHECK(got.records[0].bytes == frame(1));
  CHECK(got.records[0].origLength == 1500);
}

TEST_CASE("a snaplen of 0 limits nothing, and records beyond the snaplen are kept whole") {
  const ByteVector large = udp4Frame({.sourcePort = 1, .payload = filled(60'000, 1)});
  for (const std::uint32_t snapLength : {0u, 64u, 0x81000000u}) {
    PcapBuilder pcap({.snapLength = snapLength});
    pcap.record(kTime, large).record(kTime, frame(2));
    const ReadRecords got = readBytes(pcap.bytes());
    REQUIRE(got.records.size() == 2);
    CHECK(got.records[0].bytes == large);
    CHECK(got.totals.warnings.empty());
  }
}

TEST_CASE(
    "pcapng: statistics, names, secrets, journal and custom blocks are passed over, section lengths not "
    "believed") {
  for (const bool bigEndian : {false, true}) {
    PcapngBuilder ng;
    ng.section(bigEndian).interface();
    for (const std::uint32_t type : {4u, 5u, 8u, 9u, 10u, 0xBADu, 0x40000BADu, 0x80000001u, 0xFFFFFFFFu})
      ng.block(type, filled(33, 9)).enhanced(0, type, frame(1));
    ByteVector bytes = ng.bytes();
    // The section says that it is 8 bytes long.
    for (std::size_t i = 16; i < 24; ++i) bytes[i] = 0;
    bytes[bigEndian ? 23 : 16] = 8;
    const ReadRecords got = readBytes(bytes);
    CHECK(got.records.size() == 9);
    CHECK(got.totals.warnings.empty());
  }
}

TEST_CASE("pcapng: a packet longer than its interface's snaplen is kept whole") {
  PcapngBuilder ng;
  ng.section().interface({.snapLength = 20}).enhanced(0, 1, frame(1));
  const ReadRecords got = readBytes(ng.bytes());
  REQUIRE(got.records.size() == 1);
  CHECK(got.records[0].bytes == frame(1));
}

TEST_CASE("the link type field's upper half holds the length of the check sequence") {
  PcapBuilder pcap({.linktype = 0x44000001});
  pcap.record(kTime, frame(1));
  CHECK(extractBytes(pcap.bytes()).rows.size() == 1);
}

TEST_CASE("pcapng: enhanced, simple and old packet blocks, unknown blocks, both byte orders") {
  for (const bool bigEndian : {false, true}) {
    CAPTURE(bigEndian);
    PcapngBuilder ng;
    ng.section(bigEndian).interface().block(0x0BAD, filled(21, 1)).enhanced(0, 5'000'000, frame(1));
    ng.simple(frame(2)).old(0, 6'000'000, frame(3)).block(5, filled(8, 1)).enhanced(0, 7'000'000, frame(1));
    const Extracted got = extractBytes(ng.bytes());
    REQUIRE(got.rows.size() == 3);
    CHECK(got.summary.packets == 4);
    CHECK(got.rows[0].startNs == 5 * kSecond);
    CHECK(got.rows[0].endNs == 7 * kSecond);
    CHECK(got.rows[1].startNs == 5 * kSecond);  // simple: no time of its own, so that of the record before
    CHECK(got.rows[2].startNs == 6 * kSecond);
    CHECK(got.summary.source.warnings.empty());
  }
}

TEST_CASE("pcapng: resolution and offset belong to the interface") {
  PcapngBuilder ng;
  ng.section();
  ng.interface({.tsResol = 9});
  ng.interface({.tsResol = std::uint8_t{0x80 | 20}, .tsOffset = 1000});
  ng.interface({.tsResol = 0, .tsOffset = -10});
  ng.enhanced(0, 42, frame(1)).enhanced(1, (3u << 20) + (1u << 19), frame(2)).enhanced(2, 25, frame(3));
  const Extracted got = extractBytes(ng.bytes());
  REQUIRE(got.rows.size() == 3);
  CHECK(got.rows[0].startNs == 42);
  CHECK(got.rows[1].startNs == 1003 * kSecond + kSecond / 2);
  CHECK(got.rows[2].startNs == 15 * kSecond);
}

TEST_CASE("pcapng: link types and snaplens differ by interface, interfaces and byte order by section") {
  const ByteVector ip = ipv4({.protocol = 17, .payload = udp({.sourcePort = 9, .payload = {1, 2, 3, 4}})});
  PcapngBuilder ng;
  ng.section(false).interface({.linktype = 101}).interface({.linktype = 1});
  ng.enhanced(0, 1, ip).enhanced(1, 2, frame(9));
  ng.section(true).interface({.linktype = 113, .snapLength = 40});
  ByteVector cooked = {0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0};
  append(cooked, ip);
  cooked.resize(40);
  ng.simple(cooked, 60).enhanced(1, 3, frame(7));
  const Extracted got = extractBytes(ng.bytes());
  CHECK(got.summary.source.linktypes == std::vector<std::uint16_t>{101, 1, 113});
  CHECK(got.summary.packets == 4);
  REQUIRE(got.rows.size() == 1);  // the same 5-tuple over three link types
  CHECK(got.rows[0].initiatorPackets == 3);
  CHECK(got.rows[0].initiatorBytes == 3 * ip.size());
  CHECK(got.skipped("unknownInterface") == 1);
}

TEST_CASE("pcapng: a section of another version is skipped with a warning") {
  PcapngBuilder ng;
  ng.section().interface().enhanced(0, 1, frame(1));
  const std::size_t at = ng.bytes().size();
  ng.section(true, 2).interface().enhanced(0, 1, frame(2)).section().interface().enhanced(0, 1, frame(3));
  const Extracted got = extractBytes(ng.bytes());
  CHECK(got.rows.size() == 2);
  REQUIRE(got.summary.source.warnings.size() == 1);
  CHECK(got.summary.source.warnings[0].find("at byte offset " + std::to_string(at) + ": section skipped") !=
        std::string::npos);
}

TEST_CASE("records larger than the read blocks arrive whole") {
  PcapBuilder pcap({.snapLength = 2'000'000});
  const ByteVector big = udp4Frame({.sourcePort = 1, .payload = filled(60'000, 1)});
  ByteVector jumbo = big;
  jumbo.resize(1'500'000, 7);
  for (int i = 0; i < 30; ++i) pcap.record(kTime + i, big);
  pcap.record(kTime, jumbo).record(kTime, frame(2));
  const Extracted got = extractBytes(pcap.bytes());
  CHECK(got.summary.packets == 32);
  CHECK(got.rows.size() == 2);
  CHECK(got.summary.source.warnings.empty());
}

TEST_CASE("an absurd captured length stops with a warning at the record, and what came before is delivered") {
  for (const std::uint32_t length : {0xFFFFFFFFu, 0x7FFFFFFFu, 0x02000000u}) {
    PcapBuilder pcap;
    pcap.record(kTime, frame(1));
    ByteVector bytes = pcap.bytes();
    const std::size_t at = bytes.size();
    for (const std::uint32_t field : {0u, 0u, length, length})
      for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<std::uint8_t>(field >> 8 * i));
    bytes.resize(bytes.size() + 500);
    const Extracted got = extractBytes(bytes);
    CHECK(got.rows.size() == 1);
    REQUIRE(got.summary.source.warnings.size() == 1);
    CHECK(got.summary.source.warnings[0].find("damaged at byte offset " + std::to_string(at)) !=
          std::string::npos);
    CHECK(got.summary.source.warnings[0].find(std::to_string(length)) != std::string::npos);
    CHECK_FALSE(got.summary.source.truncated);
  }
}

TEST_CASE("pcapng blocks whose lengths lie stop with a warning at the block") {
  for (const std::uint32_t length : {0u, 8u, 13u, 0x80000000u}) {
    PcapngBuilder ng;
    ng.section().interface().enhanced(0, 1, frame(1));
    ByteVector bytes = ng.bytes();
    const std::size_t at = bytes.size();
    for (const std::uint32_t field : {6u, length})
      for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<std::uint8_t>(field >> 8 * i));
    bytes.resize(bytes.size() + 500);
    const Extracted got = extractBytes(bytes);
    CHECK(got.rows.size() == 1);
    REQUIRE(got.summary.source.warnings.size() == 1);
    CHECK(got.summary.source.warnings[0].find("at byte offset " + std::to_string(at)) != std::string::npos);
  }
}

TEST_CASE("what is no capture is an error with path, expected and received") {
  const struct {
    ByteVector bytes;
    const char* received;
  } cases[] = {{{}, "received an empty file"},
               {{'h', 'e', 'l', 'l', 'o', '\n'}, "received 68 65 6c 6c 6f 0a (6 bytes in all)"},
               {ByteVector(100, 0), "received 00 00 00 00 00 00 00 00"},
               {{0x1f, 0x8b, 8, 0}, "gzip"},
               {{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0}, "8 bytes in all"}};
  for (const auto& [bytes, received] : cases) {
    const TempFile file(bytes);
    const Extracted got = extract({file.path()});
    CHECK(got.errorCode == kErrCaptureFormat);
    CHECK(got.errorMessage.find(file.path() + ": expected a pcap") == 0);
    CHECK(got.errorMessage.find(received) != std::string::npos);
  }
}

TEST_CASE("what cannot be opened or read is an ERR_IO that names the path") {
  for (const std::string path : {"/nonexistent/x.pcap", "/"}) {
    const Extracted got = extract({path});
    CHECK(got.errorCode == kErrIo);
    CHECK(got.errorMessage.find(path + ": expected a readable capture file, received ") == 0);
  }
}

TEST_CASE("an unreadable file does not lose the rows before it nor the files behind it") {
  PcapBuilder one, two;
  one.record(kTime, frame(1));
  two.record(kTime, frame(2));
  const TempFile first(one.bytes()), last(two.bytes());
  const Extracted got = extract({first.path(), "/nonexistent", last.path()});
  REQUIRE(got.rows.size() == 2);
  CHECK(got.rows[0].captureGroup == 0);
  CHECK(got.rows[1].captureGroup == 2);
  CHECK(got.errorCode == kErrIo);
}

TEST_CASE("an empty capture gives no rows and no warning") {
  CHECK(extractBytes(PcapBuilder().bytes()).rows.empty());
  PcapngBuilder ng;
  ng.section().interface();
  const Extracted got = extractBytes(ng.bytes());
  CHECK(got.rows.empty());
  CHECK(got.summary.source.warnings.empty());
}

TEST_CASE("standard input is a capture too") {
  PcapBuilder pcap;
  for (std::uint16_t i = 0; i < 500; ++i) pcap.record(kTime, frame(i));
  const TempFile file(pcap.bytes());
  const int saved = dup(0);
  REQUIRE(std::freopen(file.path().c_str(), "rb", stdin) != nullptr);
  const Extracted got = extract({"-"});
  dup2(saved, 0);
  close(saved);
  CHECK(got.rows.size() == 500);
  CHECK(got.summary.source.totalBytes == 0);
}

TEST_CASE("a set stop flag returns at once, a budget in between, and the next call goes on") {
  PcapBuilder pcap;
  for (std::uint16_t i = 0; i < 20'000; ++i) pcap.record(kTime, frame(i));
  const TempFile file(pcap.bytes());
  Extractor extractor({file.path()}, plainOptions());
  const BatchLayout layout(30'000);
  std::vector<std::byte> buffer(layout.totalBytes);
  std::atomic<bool> stop{true};
  CHECK(extractor.next(layout, buffer, 1 << 30, stop) == 0);
  CHECK(extractor.summary().packets == 0);
  stop = false;
  std::size_t rows = 0, calls = 0;
  for (; !extractor.done(); ++calls) rows += extractor.next(layout, buffer, 0, stop);
  CHECK(rows == 20'000);
  CHECK(calls > 30);
}

TEST_SUITE_END();
