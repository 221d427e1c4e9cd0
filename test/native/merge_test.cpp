// Several captures as one stream in time order, against sorting everything.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <random>

#include "input/record_merge.hpp"
#include "support/pipes.hpp"
#include "support/read_records.hpp"

using namespace flowglyph;
using namespace flowglyph::test;

namespace {

using Status = RecordSource::Status;
using std::chrono::milliseconds;

ExtractOptions merging() {
  ExtractOptions options;
  options.merge = true;
  return options;
}

ByteVector bytesOf(std::uint32_t file, std::uint32_t number, std::size_t length) {
  ByteVector bytes(length);
  for (std::size_t i = 0; i < length; ++i)
    bytes[i] = static_cast<std::uint8_t>(file * 91 + number * 31 + i * 7);
  return bytes;
}

struct Captures {
  std::vector<std::unique_ptr<TempFile>> files;
  std::vector<std::string> paths;
  std::vector<RecordCopy> merged;  // as they are to come
};

// `steps`: whether times may step back by a little.
Captures captures(std::uint32_t count, std::uint32_t recordsEach, std::uint32_t seed, bool steps = false) {
  std::mt19937 random(seed);
  Captures all;
  std::vector<std::vector<RecordCopy>> files(count);
  for (std::uint32_t f = 0; f < count; ++f) {
    PcapBuilder pcap({.nanoseconds = true});
    std::int64_t time = 1'000'000'000 + static_cast<std::int64_t>(random() % 5000);
    for (std::uint32_t i = 0; i < recordsEach; ++i) {
      time += static_cast<std::int64_t>(random() % 4);  // ties within files and between them
      if (steps && random() % 5 == 0) time -= 20;
      const ByteVector bytes = bytesOf(f, i, 1 + random() % 400);
      pcap.record(time, bytes);
      files[f].push_back({time, bytes, static_cast<std::uint32_t>(bytes.size()), 1, f});
    }
    all.files.push_back(std::make_unique<TempFile>(pcap.bytes()));
    all.paths.push_back(all.files.back()->path());
  }
  // The plain twin: again and again the earliest next record of all files.
  std::vector<std::size_t> next(count);
  for (;;) {
    std::optional<std::uint32_t> best;
    for (std::uint32_t f = 0; f < count; ++f)
      if (next[f] < files[f].size() && (!best || files[f][next[f]].timeNs < files[*best][next[*best]].timeNs))
        best = f;
    if (!best) return all;
    all.merged.push_back(files[*best][next[*best]++]);
  }
}

}  // namespace

TEST_SUITE_BEGIN("merge");

TEST_CASE("records come by time, on ties in the order of the files, and each file keeps its own order") {
  for (const std::uint32_t files : {1u, 2u, 3u, 17u}) {
    for (const bool steps : {false, true}) {
      const Captures all = captures(files, 700, files, steps);
      for (const std::size_t group : {std::size_t{1}, std::size_t{7}, std::size_t{64}, std::size_t{1000}}) {
        for (const InputMethod method : {InputMethod::kRead, InputMethod::kMap}) {
          ExtractOptions options = merging();
          options.inputMethod = method;
          const ReadRecords got = readAll(all.paths, options, group);
          CHECK(got.records == all.merged);
          CHECK(got.events == "re");
          CHECK(got.totals.bytesRead == got.totals.totalBytes);
        }
      }
    }
  }
}

TEST_CASE("what is held stays as it is while the files read on") {
  const Captures all = captures(5, 3000, 3);
  RecordSource source(all.paths, merging());
  std::vector<Record> records(100), kept;
  std::vector<std::shared_ptr<const void>> holds;
  for (;;) {
    const auto [status, count] = source.read(records);
    if (status != Status::kRecords) break;
    kept.insert(kept.end(), records.begin(), records.begin() + static_cast<std::ptrdiff_t>(count));
    source.hold(holds);
  }
  REQUIRE(kept.size() == all.merged.size());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < kept.size(); ++i) wrong += copyOf(kept[i]) != all.merged[i];
  CHECK(wrong == 0);
}

TEST_CASE("more files than may be open at once are opened when their time comes") {
  const Captures all = captures(40, 50, 5);
  SourceTotals totals;
  RecordMerge merge(all.paths, {}, totals, 4);
  std::vector<Record> records(64);
  std::vector<RecordCopy> got;
  for (;;) {
    const auto [status, count] = merge.read(records);
    for (std::size_t i = 0; i < count; ++i) got.push_back(copyOf(records[i]));
    if (status == Status::kEnd) break;
  }
  CHECK(got == all.merged);
  CHECK(merge.done());
  std::uint64_t bytes = 0;
  for (const std::string& path : all.paths) bytes += std::filesystem::file_size(path);
  CHECK(totals.bytesRead == bytes);
  CHECK(totals.warnings.empty());
}

TEST_CASE("hundreds of files, empty ones, cut ones and bad ones among them") {
  Captures all = captures(600, 3, 9);
  ByteVector cut = PcapBuilder().record(0, bytesOf(0, 0, 50)).bytes();
  cut.pop_back();
  const TempFile empty(PcapBuilder().bytes()), truncated(cut), bad(ByteVector(40, 'x'));
  std::vector<std::string> paths = all.paths;
  for (const std::string& path : {empty.path(), truncated.path(), bad.path(), std::string("/nonexistent/x")})
    paths.push_back(path);
  const ReadRecords got = readAll(paths, merging());
  CHECK(got.records == all.merged);
  CHECK(got.errors.size() == 2);
  CHECK(got.events == "ffre");
  REQUIRE(got.totals.warnings.size() == 1);
  CHECK(got.totals.warnings[0].find(truncated.path() + ": truncated at byte offset 24") == 0);
  CHECK(got.totals.truncated);
}

TEST_CASE("nothing but failures is no end of anything") {
  const ReadRecords got = readAll({"/nonexistent/a", "/nonexistent/b"}, merging());
  CHECK(got.events == "ff");
  CHECK(readAll(std::vector<std::string>{}, merging()).events.empty());
}

TEST_CASE("a live input holds the others up until it speaks, ends or is told to finish") {
  const TempFile file(PcapBuilder().record(1000, {1}).record(3000, {3}).record(5000, {5}).bytes());
  Pipe pipe;
  pipe.write(PcapBuilder().record(2000, {2}).bytes());
  RecordSource source({file.path(), pipe.path()}, merging());
  const std::atomic<bool> stop{false};
  std::vector<Record> records(64);
  std::vector<std::uint8_t> got;
  const auto step = [&] {
    source.waitUntil(RecordSource::Clock::now() + milliseconds{20}, stop);
    const auto [status, count] = source.read(records);
    for (std::size_t i = 0; i < count; ++i) got.push_back(records[i].data[0]);
    return status;
  };
  CHECK(step() == Status::kRecords);
  CHECK(source.live());
  CHECK(step() == Status::kWaiting);
  CHECK(got == std::vector<std::uint8_t>{1, 2});
  const ByteVector more = PcapBuilder().record(4000, {4}).bytes();
  pipe.write(std::span(more).subspan(24));
  while (step() != Status::kWaiting) {
  }
  CHECK(got == std::vector<std::uint8_t>{1, 2, 3, 4});
  source.finish();
  CHECK(readAll(source).events == "re");
  CHECK(source.totals().warnings.empty());
}

TEST_SUITE_END();
