// Pipes that stay open: what has ended comes out, silence is no end, and nothing waits for ever.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "extractor.hpp"
#include "input/block_input.hpp"
#include "input/capture_reader.hpp"
#include "support/captures.hpp"
#include "support/extracted.hpp"
#include "support/pipes.hpp"

using namespace flowglyph;
using namespace flowglyph::test;

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::int64_t kSecond = 1'000'000'000;
// What "soon" means on a machine that is busy and under sanitizers: many times kLiveStep.
constexpr milliseconds kSoon{5'000};

// An extractor with a batch of its own, asked step by step.
class Steps {
 public:
  explicit Steps(std::vector<std::string> paths, std::size_t capacity = 64)
      : layout_(capacity), buffer_(layout_.totalBytes), extractor_(std::move(paths), idle120()) {}

  std::size_t next() { return extractor_.next(layout_, buffer_, 1 << 20, stop); }
  // Steps until there are rows or nothing is left. What it returns when there are none by `kSoon` is 0, too.
  std::size_t rows() {
    const auto deadline = Clock::now() + kSoon;
    while (!done() && Clock::now() < deadline)
      if (const std::size_t got = next()) return got;
    return 0;
  }
  bool done() const { return extractor_.done(); }
  bool live() const { return extractor_.live(); }
  ExtractSummary summary() const { return extractor_.summary(); }

  std::atomic<bool> stop{false};

 private:
  static ExtractOptions idle120() {
    ExtractOptions options = plainOptions();
    options.idleTimeoutNs = 120 * static_cast<std::uint64_t>(kSecond);
    return options;
  }

  BatchLayout layout_;
  std::vector<std::byte> buffer_;
  Extractor extractor_;
};

ByteVector frame(std::uint16_t port) { return udp4Frame({.sourcePort = port, .payload = filled(40, 1)}); }

// Session 1, and 200 s later a packet of session 2, which ends it.
ByteVector endedAndLive() {
  return PcapBuilder().record(0, frame(1)).record(200 * kSecond, frame(2)).bytes();
}

ByteVector pcapngOf(std::size_t unwantedBytes) {
  PcapngBuilder capture;
  capture.section().interface();
  capture.enhanced(0, 0, frame(1));
  capture.block(0x0BAD, filled(unwantedBytes, 7));
  capture.enhanced(0, 200'000'000, frame(2));
  return capture.bytes();
}

}  // namespace

TEST_SUITE_BEGIN("live input");

TEST_CASE("a session that ended comes out while the pipe stays open, the live one at its end") {
  Pipe pipe;
  pipe.write(endedAndLive());
  Steps steps({pipe.path()});
  const auto started = Clock::now();
  CHECK(steps.rows() == 1);
  CHECK(Clock::now() - started < kSoon);
  CHECK(steps.live());
  CHECK_FALSE(steps.done());
  // Silence is neither an end nor a truncation.
  CHECK(steps.next() == 0);
  CHECK_FALSE(steps.done());
  CHECK(steps.summary().source.warnings.empty());
  pipe.closeWriter();
  CHECK(steps.rows() == 1);
  CHECK(steps.done());
  CHECK(steps.summary().packets == 2);
  CHECK_FALSE(steps.summary().source.truncated);
}

TEST_CASE("a session comes out though packets keep coming that end none") {
  Pipe pipe;
  pipe.write(endedAndLive());
  std::atomic<bool> enough{false};
  std::thread dripping([&] {
    const ByteVector whole = PcapBuilder().record(200 * kSecond, frame(2)).bytes();
    const std::span<const std::uint8_t> record = std::span(whole).subspan(24);
    while (!enough) {
      pipe.write(record);
      std::this_thread::sleep_for(milliseconds{2});
    }
  });
  Steps steps({pipe.path()});
  const auto started = Clock::now();
  const std::size_t rows = steps.next();
  const auto took = Clock::now() - started;
  enough = true;
  dripping.join();
  CHECK(rows == 1);
  CHECK(took < kSoon);
}

TEST_CASE("a record that drips in does not keep the rows before it waiting") {
  Pipe pipe;
  pipe.write(endedAndLive());
  const ByteVector large =
      PcapBuilder().record(201 * kSecond, udp4Frame({.sourcePort = 3, .payload = filled(60'000, 1)})).bytes();
  std::atomic<bool> enough{false};
  std::thread dripping([&] {
    for (std::size_t at = 24; at < large.size() && !enough; ++at) {
      pipe.write(std::span(large).subspan(at, 1));
      std::this_thread::sleep_for(milliseconds{1});
    }
  });
  Steps steps({pipe.path()});
  const auto started = Clock::now();
  CHECK(steps.next() == 1);
  CHECK(Clock::now() - started < kSoon);
  enough = true;
  dripping.join();
}

TEST_CASE("a full batch does not wait") {
  Pipe pipe;
  PcapBuilder capture;
  for (std::uint16_t i = 0; i < 9; ++i) capture.record(i * 200 * kSecond, frame(i));
  pipe.write(capture.bytes());
  Steps steps({pipe.path()}, 4);
  CHECK(steps.next() == 4);
  CHECK(steps.next() == 4);
  pipe.closeWriter();
  CHECK(steps.rows() == 1);
}

TEST_CASE("captures that come byte by byte read as from a file") {
  for (const ByteVector& capture : {endedAndLive(), pcapngOf(100),
                                    PcapBuilder({.bigEndian = true, .nanoseconds = true})
                                        .record(0, frame(1))
                                        .record(200 * kSecond, frame(2))
                                        .bytes()}) {
    Pipe pipe;
    Steps steps({pipe.path()});
    std::thread dripping([&] {
      for (const std::uint8_t byte : capture) {
        pipe.write({&byte, 1});
        std::this_thread::sleep_for(milliseconds{1});
      }
      pipe.closeWriter();
    });
    std::size_t rows = 0;
    while (!steps.done()) rows += steps.next();
    dripping.join();
    CHECK(rows == 2);
    CHECK(steps.summary().packets == 2);
    CHECK(steps.summary().source.bytesRead == capture.size());
    CHECK(steps.summary().source.warnings.empty());
  }
}

TEST_CASE("a reader that is interrupted between any two bytes finds the records of an uninterrupted one") {
  for (const ByteVector& capture : {endedAndLive(), pcapngOf(1000)}) {
    Pipe pipe;
    BlockInput input(pipe.path());
    const std::atomic<bool> stop{false};
    std::unique_ptr<CaptureReader> reader;
    std::vector<ByteVector> found;
    std::array<Record, 4> records;
    const auto step = [&] {
      input.waitUntil(Clock::now() + milliseconds{1}, stop);
      if (reader == nullptr) {
        const Bytes start = input.require(24);
        if (input.waiting()) return;
        reader = openCapture(input, start);
      }
      REQUIRE(reader != nullptr);
      const std::size_t count = reader->read(records);
      for (std::size_t i = 0; i < count; ++i)
        found.emplace_back(records[i].data, records[i].data + records[i].capLength);
    };
    for (std::size_t written = 0; written < capture.size(); ++written) {
      pipe.write(std::span(capture).subspan(written, 1));
      do step();
      while (!input.waiting() || input.bytesRead() <= written);
    }
    CHECK(input.bytesRead() == capture.size());
    CHECK(found == std::vector<ByteVector>{frame(1), frame(2)});
    CHECK_FALSE(reader->damage());
  }
}

TEST_CASE(
    "an unwanted block larger than the buffer is skipped across silence, and its cut end is a truncation") {
  const ByteVector capture = pcapngOf(300'000);
  for (const std::size_t cut : {std::size_t{0}, std::size_t{200}}) {
    Pipe pipe;
    Steps steps({pipe.path()});
    const std::size_t end = cut == 0 ? capture.size() : 100'000;
    std::size_t rows = 0;
    for (std::size_t at = 0; at < end; at += 50'000) {
      pipe.write(std::span(capture).subspan(at, std::min<std::size_t>(50'000, end - at)));
      rows += steps.next();
    }
    pipe.closeWriter();
    while (!steps.done()) rows += steps.next();
    CHECK(rows == (cut == 0 ? 2 : 1));
    CHECK(steps.summary().source.truncated == (cut != 0));
    if (cut != 0) {
      REQUIRE(steps.summary().source.warnings.size() == 1);
      CHECK(steps.summary().source.warnings[0].find("block needs 300012 bytes, ") != std::string::npos);
    }
  }
}

TEST_CASE("a pipe that closes in the middle of a record is a truncation, as a file is") {
  const ByteVector capture = endedAndLive();
  Pipe pipe;
  pipe.write(std::span(capture).first(capture.size() - 1));
  Steps steps({pipe.path()});
  CHECK(steps.next() == 0);
  CHECK_FALSE(steps.summary().source.truncated);
  pipe.closeWriter();
  CHECK(steps.rows() == 1);
  CHECK(steps.summary().source.truncated);
}

TEST_CASE("in silence a step ends on its own, and a stop loses nothing") {
  Pipe pipe;
  Steps steps({pipe.path()});
  const auto started = Clock::now();
  CHECK(steps.next() == 0);
  CHECK(Clock::now() - started >= Extractor::kLiveStep);
  CHECK(Clock::now() - started < kSoon);
  CHECK_FALSE(steps.done());
  pipe.write(endedAndLive());
  steps.stop = true;
  CHECK(steps.next() == 0);
  CHECK_FALSE(steps.done());
  steps.stop = false;
  CHECK(steps.rows() == 1);
}

TEST_CASE("stop ends a wait that has long to go") {
  Pipe pipe;
  pipe.write(ByteVector(3, 'x'));
  BlockInput input(pipe.path());
  std::atomic<bool> stop{false};
  const auto started = Clock::now();
  input.waitUntil(started + std::chrono::hours{1}, stop);
  std::thread stopping([&] {
    std::this_thread::sleep_for(milliseconds{70});
    stop = true;
  });
  CHECK(input.require(24).size() == 3);
  CHECK(input.waiting());
  CHECK(Clock::now() - started < kSoon);
  stopping.join();
}

TEST_CASE("a named pipe that nobody writes to yet is waited for like a silent one") {
  const NamedPipe pipe;
  Steps steps({pipe.path()});
  const auto started = Clock::now();
  for (int i = 0; i < 2; ++i) CHECK(steps.next() == 0);
  CHECK(Clock::now() - started < kSoon);
  CHECK_FALSE(steps.done());

  // There is a reader by now, so this does not block.
  const int writer = ::open(pipe.path().c_str(), O_WRONLY | O_CLOEXEC);
  REQUIRE(writer >= 0);
  CHECK(steps.next() == 0);
  const ByteVector capture = endedAndLive();
  REQUIRE(::write(writer, capture.data(), capture.size()) == static_cast<ssize_t>(capture.size()));
  CHECK(steps.rows() == 1);
  ::close(writer);
  CHECK(steps.rows() == 1);
  CHECK(steps.done());
}

TEST_CASE("a writer that waits for its reader is let in") {
  const NamedPipe pipe;
  const ByteVector capture = endedAndLive();
  std::thread writing([&] {
    const int writer = ::open(pipe.path().c_str(), O_WRONLY | O_CLOEXEC);
    if (writer < 0) return;
    (void)!::write(writer, capture.data(), capture.size());
    ::close(writer);
  });
  std::this_thread::sleep_for(milliseconds{20});
  Steps steps({pipe.path()});
  std::size_t rows = 0;
  while (!steps.done()) rows += steps.next();
  writing.join();
  CHECK(rows == 2);
}

TEST_CASE("what comes through a pipe and is no capture is ERR_CAPTURE_FORMAT, and the next file is read") {
  const TempFile file(endedAndLive());
  Pipe pipe;
  Steps steps({pipe.path(), file.path()});
  pipe.write(ByteVector(23, 'x'));
  CHECK(steps.next() == 0);  // one byte short of telling
  pipe.write(ByteVector(1, 'x'));
  CHECK_THROWS_AS(steps.next(), CaptureError);
  CHECK(steps.rows() == 2);
  CHECK(steps.done());
}

TEST_CASE("a regular file is not live, and no time limit cuts its reading") {
  const TempFile file(endedAndLive());
  Steps steps({file.path()});
  CHECK_FALSE(steps.live());
  CHECK(steps.next() == 2);
  CHECK(steps.done());
  BlockInput input(file.path());
  const std::atomic<bool> stop{true};
  input.waitUntil(Clock::time_point::min(), stop);
  CHECK_FALSE(input.live());
  CHECK(input.require(1 << 20).size() == endedAndLive().size());
  CHECK_FALSE(input.waiting());
}

TEST_SUITE_END();
