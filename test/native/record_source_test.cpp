// The records of several inputs in turn, what is said about them, and how long their bytes stay.
#include <doctest/doctest.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <random>
#include <thread>

#include "support/pipes.hpp"
#include "support/read_records.hpp"

using namespace flowglyph;
using namespace flowglyph::test;

namespace {

using Status = RecordSource::Status;
using std::chrono::milliseconds;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr milliseconds kSoon{5'000};  // on a machine that is busy, under sanitizers

// Records whose bytes tell which they are; lengths that never fit a block's end.
ByteVector numbered(std::uint32_t number, std::size_t length) {
  ByteVector bytes(length);
  for (std::size_t i = 0; i < length; ++i) bytes[i] = static_cast<std::uint8_t>(number * 31 + i * 7);
  return bytes;
}

ByteVector captureOf(std::uint32_t count, std::size_t largest, std::uint32_t first = 0) {
  PcapBuilder pcap({.snapLength = 262'144});
  for (std::uint32_t i = first; i < first + count; ++i)
    pcap.record(i * kSecond, numbered(i, 1 + i * 7919 % largest));
  return pcap.bytes();
}

}  // namespace

TEST_SUITE_BEGIN("record source");

TEST_CASE("files come in turn, each with its index and an end of its own") {
  const TempFile one(captureOf(3, 100)), two(captureOf(5, 100, 10));
  for (const std::size_t group : {std::size_t{1}, std::size_t{64}}) {
    const ReadRecords got = readAll({one.path(), two.path()}, {}, group);
    CHECK(got.events == "rere");
    REQUIRE(got.records.size() == 8);
    for (std::size_t i = 0; i < 8; ++i) {
      const auto number = static_cast<std::uint32_t>(i < 3 ? i : i + 7);
      CHECK(got.records[i] == RecordCopy{number * kSecond, numbered(number, 1 + number * 7919 % 100),
                                         1 + number * 7919 % 100, 1, i < 3 ? 0u : 1u});
    }
    CHECK(got.totals.totalBytes == captureOf(3, 100).size() + captureOf(5, 100, 10).size());
    CHECK(got.totals.bytesRead == got.totals.totalBytes);
    CHECK(got.totals.linktypes == std::vector<std::uint16_t>{1});
    CHECK(got.totals.warnings.empty());
  }
}

TEST_CASE("an input that fails is told of, and the next is read") {
  const TempFile good(captureOf(3, 100)), bad(ByteVector(30, 'x')), empty(PcapBuilder().bytes());
  const ReadRecords got = readAll({bad.path(), good.path(), "/nonexistent/x", empty.path(), "/"});
  CHECK(got.events == "frefef");
  CHECK(got.records.size() == 3);
  CHECK(got.records[0].captureGroup == 1);
  REQUIRE(got.errors.size() == 3);
  CHECK(got.errors[0].find("ERR_CAPTURE_FORMAT: " + bad.path() + ": expected a pcap") == 0);
  CHECK(got.errors[1].find("ERR_IO: /nonexistent/x: expected a readable capture file, received ") == 0);
  CHECK(got.errors[2].find("ERR_IO: /: expected a readable capture file, received ") == 0);
}

TEST_CASE("warnings name the file; truncated tells that there was one") {
  ByteVector cut = captureOf(3, 100);
  cut.pop_back();
  const TempFile first(cut), second(captureOf(2, 100));
  const ReadRecords got = readAll({first.path(), second.path()});
  CHECK(got.events == "rere");
  CHECK(got.records.size() == 4);
  CHECK(got.totals.truncated);
  REQUIRE(got.totals.warnings.size() == 1);
  CHECK(got.totals.warnings[0].find(first.path() + ": truncated at byte offset ") == 0);
}

TEST_CASE("nothing to read is the end at once") {
  RecordSource source({}, {});
  CHECK(source.done());
  CHECK(source.read({}).status == Status::kEnd);
}

TEST_CASE(
    "records that are held stay as they are, however many are held and in whatever order they are let go") {
  std::mt19937 random(7);
  const std::uint32_t count = 3000;
  const TempFile file(captureOf(count, 3000));
  for (const std::size_t alive : {std::size_t{0}, std::size_t{1}, std::size_t{5}, std::size_t{1000}}) {
    CAPTURE(alive);
    struct Chunk {
      std::vector<Record> records;
      std::uint32_t first;
      std::vector<std::shared_ptr<const void>> holds;
    };
    std::vector<Chunk> chunks;
    std::uint32_t seen = 0, wrong = 0;
    const auto drop = [&](std::size_t at) {
      for (std::uint32_t i = 0; i < chunks[at].records.size(); ++i) {
        const std::uint32_t number = chunks[at].first + i;
        wrong += copyOf(chunks[at].records[i]).bytes != numbered(number, 1 + number * 7919 % 3000);
      }
      chunks.erase(chunks.begin() + static_cast<std::ptrdiff_t>(at));
    };
    {
      RecordSource source({file.path()}, {});
      std::vector<Record> records(16);
      for (;;) {
        const auto [status, got] = source.read(records);
        if (status != Status::kRecords) break;
        Chunk& chunk = chunks.emplace_back();
        chunk.records.assign(records.begin(), records.begin() + static_cast<std::ptrdiff_t>(got));
        chunk.first = seen;
        seen += static_cast<std::uint32_t>(got);
        if (alive > 0) source.hold(chunk.holds);
        while (chunks.size() > alive) drop(random() % chunks.size());
      }
    }
    // What is held outlives the source.
    while (!chunks.empty()) drop(chunks.size() - 1);
    CHECK(seen == count);
    CHECK(wrong == 0);
  }
}

TEST_CASE("chunks in flight are read by other threads while the source reads on") {
  const std::uint32_t count = 4000;
  const TempFile file(captureOf(count, 2000));
  struct Chunk {
    std::vector<Record> records;
    std::uint32_t first = 0;
    std::vector<std::shared_ptr<const void>> holds;
  };
  std::deque<Chunk> queue;
  std::mutex mutex;
  std::condition_variable changed;
  bool closed = false;
  std::atomic<std::uint32_t> right{0};
  const auto work = [&] {
    for (;;) {
      Chunk chunk;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return closed || !queue.empty(); });
        if (queue.empty()) return;
        chunk = std::move(queue.front());
        queue.pop_front();
      }
      changed.notify_all();
      for (std::uint32_t i = 0; i < chunk.records.size(); ++i) {
        const std::uint32_t number = chunk.first + i;
        right += copyOf(chunk.records[i]).bytes == numbered(number, 1 + number * 7919 % 2000);
      }
    }
  };
  std::thread first(work), second(work);
  RecordSource source({file.path()}, {});
  std::vector<Record> records(64);
  for (std::uint32_t seen = 0;;) {
    const auto [status, got] = source.read(records);
    if (status != Status::kRecords) break;
    Chunk chunk{{records.begin(), records.begin() + static_cast<std::ptrdiff_t>(got)}, seen, {}};
    source.hold(chunk.holds);
    seen += static_cast<std::uint32_t>(got);
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return queue.size() < 4; });
    queue.push_back(std::move(chunk));
    changed.notify_all();
  }
  {
    const std::lock_guard lock(mutex);
    closed = true;
  }
  changed.notify_all();
  first.join();
  second.join();
  CHECK(right == count);
}

TEST_CASE("finish ends a silent pipe, and what was written before it is read") {
  const ByteVector capture = captureOf(3, 100);
  for (const std::size_t extra : {std::size_t{0}, std::size_t{10}}) {
    Pipe pipe;
    pipe.write(capture);
    pipe.write(numbered(1, extra));  // the start of a record: no damage, as somebody said "enough"
    RecordSource source({pipe.path()}, {});
    const std::atomic<bool> stop{false};
    std::vector<Record> records(64);
    source.waitUntil(RecordSource::Clock::now() + milliseconds{10}, stop);
    CHECK(source.read(records).count == 3);
    CHECK(source.live());
    CHECK(source.read(records).status == Status::kWaiting);
    std::thread finishing([&] {
      std::this_thread::sleep_for(milliseconds{30});
      source.finish();
    });
    source.waitUntil(RecordSource::Clock::now() + std::chrono::hours{1}, stop);
    const auto started = RecordSource::Clock::now();
    CHECK(source.read(records).status == Status::kEndOfFile);
    CHECK(RecordSource::Clock::now() - started < kSoon);
    finishing.join();
    CHECK(source.done());
    CHECK_FALSE(source.totals().truncated);
    CHECK(source.totals().warnings.empty());
  }
}

TEST_CASE("finish reads what is in the pipe, though the writer goes on") {
  Pipe pipe;
  pipe.write(captureOf(100, 100));
  RecordSource source({pipe.path()}, {});
  source.finish();
  CHECK(readAll(source).records.size() == 100);
}

TEST_CASE("finish before the first byte is an end without a word") {
  const NamedPipe pipe;
  RecordSource source({pipe.path()}, {});
  source.finish();
  const ReadRecords got = readAll(source);
  CHECK(got.events == "e");
  CHECK(got.totals.warnings.empty());
}

TEST_CASE("finish leaves regular files whole") {
  const TempFile file(captureOf(100, 3000));
  RecordSource source({file.path(), file.path()}, {});
  source.finish();
  CHECK(readAll(source).records.size() == 200);
}

TEST_SUITE_END();
