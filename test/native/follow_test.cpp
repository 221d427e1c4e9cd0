// Captures that are still being written.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "support/compressed.hpp"
#include "support/read_records.hpp"

using namespace flowglyph;
using namespace flowglyph::test;

namespace {

using Status = RecordSource::Status;
using std::chrono::milliseconds;

constexpr milliseconds kSoon{5'000};

ExtractOptions following(bool merge = false) {
  ExtractOptions options;
  options.follow = true;
  options.merge = merge;
  return options;
}

// From `at` on.
void appendTo(const TempFile& file, const ByteVector& all, std::size_t at = 0, std::size_t most = SIZE_MAX) {
  const auto bytes = std::span(all).subspan(at, std::min(most, all.size() - at));
  std::ofstream out(file.path(), std::ios::binary | std::ios::app);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  REQUIRE(out.flush().good());
}

ByteVector captureOf(int count) {
  PcapBuilder pcap;
  for (int i = 0; i < count; ++i) pcap.record(i * 1000, ByteVector(50, static_cast<std::uint8_t>(i)));
  return pcap.bytes();
}

ByteVector pcapngOf(int count) {
  PcapngBuilder ng;
  ng.section().interface();
  for (int i = 0; i < count; ++i)
    ng.enhanced(0, static_cast<std::uint64_t>(i), ByteVector(50, static_cast<std::uint8_t>(i)))
        .block(5, {1, 2, 3});
  return ng.bytes();
}

class Following {
 public:
  explicit Following(std::vector<std::string> paths, bool merge = false)
      : source(std::move(paths), following(merge)) {}
  Status step(milliseconds patience = milliseconds{10}) {
    source.waitUntil(RecordSource::Clock::now() + patience, stop);
    const auto [status, count] = source.read(records);
    found += count;
    return status;
  }
  // Until nothing comes for a while, or it ends.
  Status drain() {
    Status status;
    do status = step();
    while (status == Status::kRecords);
    return status;
  }

  RecordSource source;
  std::atomic<bool> stop{false};
  std::vector<Record> records = std::vector<Record>(64);
  std::size_t found = 0;
};

}  // namespace

TEST_SUITE_BEGIN("follow");

TEST_CASE(
    "a capture that grows piece by piece: every record once it is whole, and no end before it is told") {
  for (const ByteVector& capture :
       {captureOf(20), pcapngOf(20), gzipOf(captureOf(20)), zstdOf(pcapngOf(20))}) {
    const TempFile file({});
    Following following({file.path()});
    CHECK(following.step() == Status::kWaiting);
    CHECK(following.source.live());
    for (std::size_t at = 0; at < capture.size(); at += 37) {
      appendTo(file, capture, at, 37);
      CHECK(following.drain() == Status::kWaiting);
    }
    CHECK(following.found == 20);
    CHECK(following.source.totals().bytesRead == capture.size());
    CHECK(following.source.totals().totalBytes == 0);
    following.source.finish();
    CHECK(following.step() == Status::kEndOfFile);
    CHECK(following.source.done());
    CHECK(following.source.totals().warnings.empty());
  }
}

TEST_CASE("finish ends a wait soon, and what was written until then is used; half a record is no damage") {
  const TempFile file(captureOf(5));
  Following following({file.path()});
  CHECK(following.drain() == Status::kWaiting);
  appendTo(file, captureOf(3), 24);
  appendTo(file, ByteVector(10, 0));
  std::thread finishing([&] {
    std::this_thread::sleep_for(milliseconds{80});
    following.source.finish();
  });
  const auto started = RecordSource::Clock::now();
  Status status;
  do status = following.step(std::chrono::hours{1});
  while (status == Status::kRecords);
  CHECK(RecordSource::Clock::now() - started < kSoon);
  finishing.join();
  CHECK(status == Status::kEndOfFile);
  CHECK(following.found == 8);
  CHECK_FALSE(following.source.totals().truncated);
  CHECK(following.source.totals().warnings.empty());
}

TEST_CASE("a deadline and a stop end a wait, and nothing is lost") {
  const TempFile file(captureOf(2));
  Following following({file.path()});
  CHECK(following.drain() == Status::kWaiting);
  following.stop = true;
  CHECK(following.step(std::chrono::hours{1}) == Status::kWaiting);
  following.stop = false;
  appendTo(file, captureOf(1), 24);
  CHECK(following.drain() == Status::kWaiting);
  CHECK(following.found == 3);
}

TEST_CASE("a file that is removed, replaced or shrinks is read to its end, and a warning says why it ended") {
  enum class Fate { kRemoved, kReplaced, kShrunk };
  for (const Fate fate : {Fate::kRemoved, Fate::kReplaced, Fate::kShrunk}) {
    const TempFile file(captureOf(5)), other(captureOf(1));
    Following following({file.path()});
    CHECK(following.drain() == Status::kWaiting);
    if (fate != Fate::kShrunk) appendTo(file, captureOf(3), 24);
    if (fate == Fate::kRemoved) std::filesystem::remove(file.path());
    if (fate == Fate::kReplaced) std::filesystem::rename(other.path(), file.path());
    if (fate == Fate::kShrunk) std::filesystem::resize_file(file.path(), 100);
    CHECK(following.drain() == Status::kEndOfFile);
    CHECK(following.found == (fate == Fate::kShrunk ? 5 : 8));
    REQUIRE(following.source.totals().warnings.size() == 1);
    const char* const why =
        fate == Fate::kShrunk ? "the file shrank from 354 to 100 bytes" : "the file was removed or replaced";
    CHECK(following.source.totals().warnings[0] == file.path() + ": no longer followed: " + why);
  }
}

TEST_CASE("of several files in turn only the last is followed; merged, all are") {
  const TempFile first(captureOf(3)), last(captureOf(2));
  Following inTurn({first.path(), last.path()});
  CHECK(inTurn.step() == Status::kRecords);
  CHECK(inTurn.step() == Status::kEndOfFile);
  CHECK(inTurn.drain() == Status::kWaiting);
  CHECK(inTurn.found == 5);

  Following merged({first.path(), last.path()}, true);
  CHECK(merged.drain() == Status::kWaiting);
  CHECK(merged.found == 4);  // 0 0 1 1: the third of the first waits for the last's next
  appendTo(last, captureOf(3), 24 + 2 * 66);
  CHECK(merged.drain() == Status::kWaiting);
  CHECK(merged.found == 5);
  merged.source.finish();
  CHECK(merged.drain() == Status::kEndOfFile);
  CHECK(merged.found == 6);
}

TEST_CASE("a file that is followed is read, never mapped") {
  const TempFile file(captureOf(2));
  ExtractOptions options = following();
  options.inputMethod = InputMethod::kMap;
  RecordSource source({file.path()}, options);
  std::vector<Record> records(64);
  CHECK(source.read(records).count == 2);
  CHECK(source.live());
  appendTo(file, captureOf(1), 24);
  CHECK(source.read(records).count == 1);
}

TEST_SUITE_END();
