// Captures in gzip, zstd and xz, recognised by content: whole, in pieces, cut, damaged, and those that are
// refused.
#include <doctest/doctest.h>

#include <random>
#include <thread>

#include "support/compressed.hpp"
#include "support/pipes.hpp"
#include "support/read_records.hpp"

using namespace flowglyph;
using namespace flowglyph::test;

namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kSecond = 1'000'000'000;

struct Codec {
  const char* name;
  ByteVector (*compress)(const ByteVector&);
};
const Codec kCodecs[] = {{"gzip", gzipOf},
                         {"zstd", [](const ByteVector& bytes) { return zstdOf(bytes); }},
                         {"xz", [](const ByteVector& bytes) { return xzOf(bytes); }}};

// Neither all alike nor beyond compression.
ByteVector somewhatRandom(std::size_t length, std::uint32_t seed) {
  std::minstd_rand random(seed);
  ByteVector bytes(length);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random() % 16 * 5);
  return bytes;
}

ByteVector captureOf(std::uint32_t count, std::size_t largest) {
  PcapBuilder pcap;
  for (std::uint32_t i = 0; i < count; ++i)
    pcap.record(i * kSecond, somewhatRandom(1 + i * 7919 % largest, i));
  return pcap.bytes();
}

ByteVector pcapngOf(std::uint32_t count) {
  PcapngBuilder ng;
  ng.section().interface();
  for (std::uint32_t i = 0; i < count; ++i) ng.enhanced(0, i * 1'000'000ull, somewhatRandom(1 + i % 300, i));
  return ng.bytes();
}

ByteVector firstOf(const ByteVector& bytes, std::size_t count) {
  return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count)};
}

ByteVector joined(std::initializer_list<ByteVector> parts) {
  ByteVector all;
  for (const ByteVector& part : parts) append(all, part);
  return all;
}

}  // namespace

TEST_SUITE_BEGIN("compressed input");

TEST_CASE("a compressed capture reads as the plain one, and its bytes count as they are on disk") {
  for (const ByteVector& capture : {captureOf(500, 3000), pcapngOf(700), PcapBuilder().bytes()}) {
    const ReadRecords plain = readBytes(capture);
    for (const Codec& codec : kCodecs) {
      CAPTURE(std::string(codec.name));
      const ByteVector packed = codec.compress(capture);
      for (const InputMethod method : {InputMethod::kRead, InputMethod::kMap}) {
        ExtractOptions options;
        options.inputMethod = method;
        const ReadRecords got = readBytes(packed, options);
        CHECK(got.records == plain.records);
        CHECK(got.events == plain.events);
        CHECK(got.totals.warnings.empty());
        CHECK(got.totals.linktypes == plain.totals.linktypes);
        CHECK(got.totals.bytesRead == packed.size());
        CHECK(got.totals.totalBytes == packed.size());
      }
    }
  }
}

TEST_CASE("several streams one after the other are one capture, whatever lies between them that may") {
  const ByteVector capture = captureOf(300, 2000);
  const ByteVector head = firstOf(capture, 100'001), tail(capture.begin() + 100'001, capture.end());
  const ReadRecords plain = readBytes(capture);
  const ByteVector nothing;
  const struct {
    const char* name;
    ByteVector packed;
  } cases[] = {
      {"gzip members", joined({gzipOf(head), gzipOf(nothing), gzipOf(tail)})},
      {"gzip with a padded end", joined({gzipOf(capture), ByteVector(1000, 0)})},
      {"bgzf", bgzfOf(capture)},
      {"zstd frames", joined({zstdOf(head), zstdOf(nothing), zstdOf(tail)})},
      {"zstd, skippable frames",
       joined({skippableFrame({1, 2, 3}), zstdOf(head), skippableFrame(ByteVector(200'000, 7)), zstdOf(tail),
               skippableFrame({})})},
      {"xz streams", joined({xzOf(head), xzOf(nothing), xzOf(tail)})},
      {"xz streams, padded", joined({xzOf(head), ByteVector(8, 0), xzOf(tail), ByteVector(4, 0)})},
  };
  for (const auto& [name, packed] : cases) {
    CAPTURE(std::string(name));
    const ReadRecords got = readBytes(packed);
    CHECK(got.records == plain.records);
    CHECK(got.totals.warnings.empty());
    CHECK(got.totals.bytesRead == packed.size());
  }
}

TEST_CASE("cut anywhere: what came before is kept, and one warning says where the compressed data end") {
  const ByteVector capture = captureOf(900, 900);  // several blocks of zstd
  const std::vector<RecordCopy> all = readBytes(capture).records;
  for (const Codec& codec : kCodecs) {
    CAPTURE(std::string(codec.name));
    const ByteVector packed = codec.compress(capture);
    std::size_t most = 0;
    for (std::size_t length = 0; length < packed.size(); length += 1 + length / 12) {
      CAPTURE(length);
      const ReadRecords got = readBytes(firstOf(packed, length));
      REQUIRE(got.records.size() <= all.size());
      CHECK(std::equal(got.records.begin(), got.records.end(), all.begin()));
      most = std::max(most, got.records.size());
      CHECK(got.totals.bytesRead == length);
      const std::string where = "truncated at byte offset " + std::to_string(length) + ": " + codec.name +
                                " stream without its end";
      if (got.errors.empty()) {
        REQUIRE(got.totals.warnings.size() == 1);
        CHECK(got.totals.warnings[0].find(where) != std::string::npos);
        CHECK(got.totals.truncated);
      } else {
        CHECK(got.records.empty());
        CHECK(got.errors[0].find("ERR_CAPTURE_FORMAT: ") == 0);
        if (length >= 6) CHECK(got.errors[0].find(where) != std::string::npos);
      }
    }
    CHECK(most > 0);
  }
}

TEST_CASE("damaged bytes neither crash nor hang, and give no record that was not there") {
  const ByteVector capture = captureOf(200, 900);
  const std::size_t all = readBytes(capture).records.size();
  std::mt19937 random(11);
  for (const Codec& codec : kCodecs) {
    CAPTURE(std::string(codec.name));
    const ByteVector packed = codec.compress(capture);
    std::size_t told = 0;
    for (int round = 0; round < 60; ++round) {
      ByteVector bytes = packed;
      const std::size_t at = 6 + random() % (bytes.size() - 6);
      bytes[at] ^= static_cast<std::uint8_t>(1u << random() % 8);
      const ReadRecords got = readBytes(bytes);
      CHECK(got.records.size() <= all + 1);
      told += !got.totals.warnings.empty() || !got.errors.empty();
    }
    // All three carry checksums; a flip in a header field that nobody needs may pass.
    CHECK(told >= 50);
  }
}

TEST_CASE("a warning about compressed data gives the reason and an offset on disk") {
  const ByteVector good = gzipOf(captureOf(3, 100));
  const ReadRecords garbage = readBytes(joined({good, {'g', 'a', 'r', 'b', 'a', 'g', 'e'}}));
  CHECK(garbage.records.size() == 3);
  REQUIRE(garbage.totals.warnings.size() == 1);
  CHECK(garbage.totals.warnings[0].find(": damaged at byte offset " + std::to_string(good.size()) +
                                        ": expected another gzip stream or the end") != std::string::npos);
  CHECK_FALSE(garbage.totals.truncated);

  ByteVector wrong = good;
  wrong[wrong.size() - 5] ^= 1;  // in the checksum
  const ReadRecords checked = readBytes(wrong);
  CHECK(checked.records.size() == 3);
  REQUIRE(checked.totals.warnings.size() == 1);
  CHECK(checked.totals.warnings[0].find("incorrect data check") != std::string::npos);
}

TEST_CASE("damage of the capture inside has an offset of its own, and says so") {
  ByteVector capture = captureOf(3, 100);
  capture.pop_back();
  for (const Codec& codec : kCodecs) {
    const ReadRecords got = readBytes(codec.compress(capture));
    CHECK(got.records.size() == 2);
    REQUIRE(got.totals.warnings.size() == 1);
    CHECK(got.totals.warnings[0].find(" of the decompressed data: record needs ") != std::string::npos);
    CHECK(got.totals.truncated);
  }
}

TEST_CASE("what would need too much memory to decompress is refused with the reason") {
  const ByteVector capture = captureOf(3, 100);
  CHECK(readBytes(zstdOf(capture, 27)).records.size() == 3);
  const ReadRecords zstd = readBytes(zstdOf(capture, 28));
  REQUIRE(zstd.errors.size() == 1);
  CHECK(zstd.errors[0].find("Frame requires too much memory for decoding") != std::string::npos);

  CHECK(readBytes(xzOf(capture, 64u << 20)).records.size() == 3);
  const ReadRecords xz = readBytes(xzOf(capture, 256u << 20));
  REQUIRE(xz.errors.size() == 1);
  CHECK(xz.errors[0].find("decodes within 129 MiB of memory, received one that needs 256 MiB") !=
        std::string::npos);
}

TEST_CASE(
    "compressed twice, compressed otherwise, and compressed without a capture in it are refused by name") {
  const ByteVector capture = captureOf(3, 100);
  const struct {
    ByteVector bytes;
    const char* said;
  } cases[] = {
      {gzipOf(zstdOf(capture)), "zstd data inside gzip data: decompress the outer one first"},
      {xzOf(xzOf(capture)), "xz data inside xz data"},
      {{'B', 'Z', 'h', '9', 0x31, 0x41, 0x59}, "received bzip2 data: bunzip2 it first"},
      {{0x04, 0x22, 0x4d, 0x18, 0x64, 0x40}, "received lz4 data: unlz4 it first"},
      {{'P', 'K', 3, 4, 20, 0}, "received zip data: unzip it first"},
      {gzipOf({'h', 'e', 'l', 'l', 'o'}),
       "expected a pcap (magic a1b2c3d4, a1b23c4d) or pcapng (0a0d0d0a) capture inside the gzip data, "
       "received 68 65 "
       "6c 6c 6f (5 bytes in all)"},
      {zstdOf({}), "inside the zstd data, received nothing"},
  };
  for (const auto& [bytes, said] : cases) {
    CAPTURE(std::string(said));
    const TempFile file(bytes);
    const ReadRecords got = readAll({file.path()});
    CHECK(got.events == "f");
    REQUIRE(got.errors.size() == 1);
    CHECK(got.errors[0].find("ERR_CAPTURE_FORMAT: " + file.path() + ": ") == 0);
    CHECK(got.errors[0].find(said) != std::string::npos);
  }
}

TEST_CASE("a bomb is read piece by piece") {
  // 256 MiB of zeros behind a file header: 16 bytes each, records of no bytes.
  for (const bool gzip : {true, false}) {
    ByteVector bomb = gzip ? gzipOf(PcapBuilder().bytes()) : zstdOf(PcapBuilder().bytes());
    const ByteVector zeros(16 << 20, 0);
    const ByteVector packed = gzip ? gzipOf(zeros) : zstdOf(zeros);
    for (int i = 0; i < 4; ++i) append(bomb, packed);
    const TempFile file(bomb);
    RecordSource source({file.path()}, {});
    std::vector<Record> records(1024);
    std::uint64_t found = 0;
    for (;;) {
      const auto [status, count] = source.read(records);
      if (status != RecordSource::Status::kRecords) break;
      found += count;
    }
    CHECK(found == 4 * (16 << 20) / 16);
  }
}

TEST_CASE("a compressed capture from a pipe, byte by byte, and live between two members") {
  const ByteVector capture = captureOf(4, 100);
  const std::size_t firstRecords = 24 + 16 + 1;
  for (const Codec& codec : kCodecs) {
    CAPTURE(std::string(codec.name));
    Pipe pipe;
    RecordSource source({pipe.path()}, {});
    const std::atomic<bool> stop{false};
    std::vector<Record> records(64);
    std::size_t found = 0;
    const auto step = [&] {
      source.waitUntil(RecordSource::Clock::now() + milliseconds{5}, stop);
      const auto [status, count] = source.read(records);
      found += count;
      return status;
    };
    const ByteVector first = codec.compress(firstOf(capture, firstRecords));
    for (const std::uint8_t byte : first) {
      pipe.write({&byte, 1});
      step();
    }
    while (step() != RecordSource::Status::kWaiting) {
    }
    CHECK(found == 1);
    CHECK(source.live());
    pipe.write(codec.compress(
        ByteVector(capture.begin() + static_cast<std::ptrdiff_t>(firstRecords), capture.end())));
    while (found < 4) step();
    pipe.closeWriter();
    CHECK(readAll(source).events == "e");
    CHECK(source.totals().warnings.empty());
  }
}

TEST_CASE("finish in the middle of compressed data is the end without a warning") {
  const ByteVector capture = captureOf(400, 3000);
  for (const Codec& codec : kCodecs) {
    Pipe pipe;
    const ByteVector packed = codec.compress(capture);
    pipe.write(std::span(packed).first(std::min<std::size_t>(packed.size() - 1, 60'000)));
    RecordSource source({pipe.path()}, {});
    source.finish();
    const ReadRecords got = readAll(source);
    CHECK(got.errors.empty());
    CHECK(got.totals.warnings.empty());
    CHECK_FALSE(got.totals.truncated);
  }
}

TEST_SUITE_END();
