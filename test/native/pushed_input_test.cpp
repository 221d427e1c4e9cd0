// Input that is pushed a piece at a time: the same sessions as from a file, however it is cut, and no
// waiting.
#include <doctest/doctest.h>

#include <chrono>
#include <random>
#include <thread>

#include "input/pushed_source.hpp"
#include "support/compressed.hpp"
#include "support/extracted.hpp"

using namespace flowglyph;
using namespace flowglyph::test;

namespace {

ByteVector someCapture() {
  PcapBuilder pcap;
  for (int i = 0; i < 500; ++i)
    pcap.record(i * 1'000'000'000LL, udp4Frame({.sourcePort = static_cast<std::uint16_t>(1 + i % 97)}));
  return pcap.bytes();
}

struct Pushed {
  std::size_t rows = 0;
  ExtractSummary summary;
  std::string error;
};

// Pushes the pieces one by one, and takes after each what has ended.
Pushed feed(const ByteVector& capture, std::uint64_t seed, bool sayEnd = true) {
  std::mt19937_64 random(seed);
  ExtractOptions options = plainOptions();
  options.idleTimeoutNs = 120'000'000'000;
  options.pushed = std::make_shared<PushedBytes>();
  Extractor extractor({"upload"}, options);
  const BatchLayout layout(64);
  std::vector<std::byte> memory(layout.totalBytes + 64);
  auto* const start =
      reinterpret_cast<std::byte*>((reinterpret_cast<std::uintptr_t>(memory.data()) + 63) / 64 * 64);
  const std::atomic<bool> stop{false};
  Pushed got;
  const auto take = [&] {
    while (got.error.empty() && !extractor.done()) {
      try {
        const std::size_t rows = extractor.next(layout, {start, layout.totalBytes}, 1 << 20, stop);
        got.rows += rows;
        if (rows == 0) return;
      } catch (const CaptureError& error) {
        got.error = error.what();
      }
    }
  };
  for (std::size_t at = 0; at < capture.size();) {
    const std::size_t piece = std::min<std::size_t>(capture.size() - at, 1 + random() % 3000);
    options.pushed->push({capture.data() + at, piece});
    at += piece;
    take();
    CHECK_FALSE(extractor.done());
    CHECK(options.pushed->waiting() == 0);
  }
  if (sayEnd) {
    options.pushed->end();
  } else {
    extractor.finish();
  }
  take();
  CHECK((extractor.done() || !got.error.empty()));
  got.summary = extractor.summary();
  return got;
}

}  // namespace

TEST_SUITE_BEGIN("pushed input");

TEST_CASE("however a capture is cut into pieces, its sessions are those of the file, compressed ones too") {
  const ByteVector capture = someCapture();
  ExtractOptions options = plainOptions();
  options.idleTimeoutNs = 120'000'000'000;
  const Extracted whole = extractBytes(capture, options);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Pushed got = feed(capture, seed, seed % 2 == 0);
    CHECK(got.error == "");
    CHECK(got.rows == whole.rows.size());
    CHECK(got.summary.packets == 500);
    CHECK(got.summary.source.bytesRead == capture.size());
    CHECK(got.summary.source.warnings.empty());
  }
  const Pushed zipped = feed(gzipOf(capture), 1);
  CHECK(zipped.error == "");
  CHECK(zipped.rows == whole.rows.size());
}

TEST_CASE(
    "an upload that ends in the middle of a record is cut there, and says so; one that is no capture is "
    "refused") {
  ByteVector capture = someCapture();
  capture.resize(capture.size() - 10);
  const Pushed cut = feed(capture, 3);
  CHECK(cut.error == "");
  CHECK(cut.summary.packets == 499);
  CHECK(cut.summary.source.truncated);
  REQUIRE(cut.summary.source.warnings.size() == 1);
  CHECK(cut.summary.source.warnings[0].starts_with("upload: truncated at byte offset"));

  const ByteVector text(200, 'x');
  CHECK(feed(text, 1).error.starts_with("upload: expected a pcap"));
  CHECK(feed({}, 1).error.starts_with("upload: expected a pcap"));
}

TEST_CASE("a step without input does not wait") {
  ExtractOptions options = plainOptions();
  options.pushed = std::make_shared<PushedBytes>();
  Extractor extractor({"upload"}, options);
  const BatchLayout layout(4);
  std::vector<std::byte> memory(layout.totalBytes);
  const std::atomic<bool> stop{false};
  const auto started = std::chrono::steady_clock::now();
  for (int i = 0; i < 50; ++i) CHECK(extractor.next(layout, memory, 1 << 20, stop) == 0);
  CHECK(std::chrono::steady_clock::now() - started < std::chrono::seconds(5));
  CHECK_FALSE(extractor.done());
  CHECK(extractor.live());
}

TEST_CASE("bytes may be pushed while others are read") {
  const auto bytes = std::make_shared<PushedBytes>();
  constexpr std::size_t kPieces = 3000;
  std::thread writer([&] {
    for (std::size_t i = 0; i < kPieces; ++i) bytes->push(filled(1 + i % 50, static_cast<std::uint8_t>(i)));
    bytes->end();
  });
  PushedSource source(bytes, nullptr);
  ByteVector received, room(77);
  for (;;) {
    const std::size_t count = source.read(room);
    received.insert(received.end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(count));
    if (count == 0 && !source.waiting()) break;
  }
  writer.join();
  ByteVector expected;
  for (std::size_t i = 0; i < kPieces; ++i)
    append(expected, filled(1 + i % 50, static_cast<std::uint8_t>(i)));
  CHECK(received == expected);
}

TEST_SUITE_END();
