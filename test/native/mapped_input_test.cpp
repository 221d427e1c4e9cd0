// Mapped files: the same records as read ones, and a file that shrinks is an error, never a signal.
#include "input/mapped_input.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "input/mapping_guard.hpp"
#include "support/pipes.hpp"
#include "support/read_records.hpp"

using namespace flowglyph;
using namespace flowglyph::test;

namespace {

using Status = RecordSource::Status;

ExtractOptions mapping() {
  ExtractOptions options;
  options.inputMethod = InputMethod::kMap;
  return options;
}

// Every byte of a record is its number, never 0.
ByteVector captureOf(std::uint32_t count, std::size_t length) {
  PcapBuilder pcap;
  for (std::uint32_t i = 0; i < count; ++i)
    pcap.record(i, ByteVector(length, static_cast<std::uint8_t>(1 + i % 255)));
  return pcap.bytes();
}

bool holdsZeros(const Record& record) {
  return std::any_of(record.data, record.data + record.capLength,
                     [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

TEST_SUITE_BEGIN("mapped input");

TEST_CASE("mapped files give what read ones give, whole, cut and damaged") {
  const ByteVector capture = captureOf(3000, 77);
  for (const std::size_t length : {capture.size(), capture.size() - 1, std::size_t{24}, std::size_t{30},
                                   std::size_t{4096}, std::size_t{10}}) {
    const TempFile file(ByteVector(capture.begin(), capture.begin() + static_cast<std::ptrdiff_t>(length)));
    const ReadRecords read = readAll({file.path()}), mapped = readAll({file.path()}, mapping());
    CHECK(mapped.records == read.records);
    CHECK(mapped.events == read.events);
    CHECK(mapped.errors == read.errors);
    CHECK(mapped.totals.warnings == read.totals.warnings);
    CHECK(mapped.totals.truncated == read.totals.truncated);
    if (read.errors.empty()) CHECK(mapped.totals.bytesRead == length);
  }
}

TEST_CASE("what cannot be mapped is read") {
  const TempFile empty({});
  CHECK(MappedInput::open(empty.path()) == nullptr);
  CHECK(MappedInput::open("/nonexistent/x") == nullptr);
  CHECK(MappedInput::open("-") == nullptr);
  CHECK(MappedInput::open("/") == nullptr);
  const ReadRecords got = readAll({empty.path()}, mapping());
  REQUIRE(got.errors.size() == 1);
  CHECK(got.errors[0].find("received an empty file") != std::string::npos);
  Pipe pipe;
  pipe.write(captureOf(3, 10));
  pipe.closeWriter();
  CHECK(readAll({pipe.path()}, mapping()).records.size() == 3);
}

TEST_CASE(
    "a file that shrinks while it is mapped: the records before are kept, no zeros are handed out, one "
    "error") {
  const ByteVector capture = captureOf(20'000, 100);
  // In the middle of a record, of a page, at their edges, to nothing.
  for (const std::size_t left : {std::size_t{1'000'001}, std::size_t{819'200}, std::size_t{24 + 116 * 5000},
                                 std::size_t{50}, std::size_t{0}}) {
    for (const std::size_t before : {std::size_t{0}, std::size_t{1}, std::size_t{100}}) {
      CAPTURE(left);
      CAPTURE(before);
      const TempFile file(capture);
      RecordSource source({file.path()}, mapping());
      std::vector<Record> records(64);
      std::size_t found = 0, zeros = 0, failures = 0;
      for (std::size_t calls = 0;; ++calls) {
        if (calls == before) std::filesystem::resize_file(file.path(), left);
        const auto [status, count] = source.read(records);
        found += count;
        for (std::size_t i = 0; i < count; ++i) zeros += holdsZeros(records[i]);
        if (status == Status::kFailed && before > 0) {
          ++failures;
          CHECK(source.error().code() == kErrIo);
          CHECK(source.error().what() ==
                file.path() + ": expected a file that keeps its " + std::to_string(capture.size()) +
                    " bytes while it is mapped, received one that shrank to " + std::to_string(left));
        }
        if (status == Status::kEnd) break;
      }
      CHECK(zeros == 0);
      if (before == 0) continue;  // it was mapped at its new size
      CHECK(failures == 1);
      CHECK(found == std::max(before * 64, left <= 24 ? 0 : (left - 24) / 116));
    }
  }
}

TEST_CASE("records that are held when the file shrinks can be looked at: zeros, and no signal") {
  const TempFile file(captureOf(20'000, 100));
  RecordSource source({file.path()}, mapping());
  std::vector<Record> records(20'000);
  REQUIRE(source.read(records).count == 20'000);
  std::vector<std::shared_ptr<const void>> held;
  source.hold(held);
  std::filesystem::resize_file(file.path(), 100'000);
  std::size_t zeros = 0;
  for (const Record& record : records) zeros += holdsZeros(record);
  CHECK(zeros > 19'000);
  CHECK(source.read(records).status == Status::kFailed);
}

TEST_CASE("several mapped files at once: only the one that shrank fails") {
  const ByteVector capture = captureOf(5000, 100);
  const TempFile one(capture), two(capture), three(capture);
  ExtractOptions options = mapping();
  options.merge = true;
  RecordSource source({one.path(), two.path(), three.path()}, options);
  std::vector<Record> records(64);
  REQUIRE(source.read(records).count == 64);
  std::filesystem::resize_file(two.path(), 4096);
  const ReadRecords rest = readAll(source);
  CHECK(rest.errors.size() == 1);
  std::array<std::size_t, 3> found{};
  for (const RecordCopy& record : rest.records) ++found[record.captureGroup];
  CHECK(found[0] + found[2] >= 2 * 5000 - 64);
  CHECK(found[1] <= 64);  // those of the group that was read before
}

TEST_CASE("more mappings than can be guarded are read instead") {
  const TempFile file(captureOf(10, 100));
  std::vector<std::unique_ptr<MappedInput>> mapped;
  for (std::size_t i = 0; i < MappingGuard::kMaxMappings; ++i)
    mapped.push_back(MappedInput::open(file.path()));
  CHECK(mapped.back() != nullptr);
  CHECK(MappedInput::open(file.path()) == nullptr);
  CHECK(readAll({file.path()}, mapping()).records.size() == 10);
  mapped.clear();
  CHECK(MappedInput::open(file.path()) != nullptr);
}

TEST_CASE("a fault in nobody's mapping ends the process by the signal, as without us") {
  const TempFile file(captureOf(10, 100));
  REQUIRE(MappedInput::open(file.path()) != nullptr);  // the handler is there
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::signal(SIGALRM, SIG_DFL);
    ::alarm(20);  // rather than for ever
    const int null = ::open("/dev/null", O_WRONLY);
    ::dup2(null, 2);
    const TempFile other(ByteVector(4096, 1));
    const int fd = ::open(other.path().c_str(), O_RDONLY);
    void* const data = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0);
    std::filesystem::remove(other.path());
    const int writer = ::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDWR);
    if (data == MAP_FAILED || ::ftruncate(writer, 0) != 0) ::_exit(3);
    const std::uint8_t byte = *static_cast<volatile const std::uint8_t*>(data);
    ::_exit(byte == 0 ? 4 : 5);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  // A sanitizer's own handler, which was there before ours, exits with 1.
  const bool died =
      (WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS) || (WIFEXITED(status) && WEXITSTATUS(status) == 1);
  CHECK(died);
}

TEST_SUITE_END();
