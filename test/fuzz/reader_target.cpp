// Capture files: whatever the bytes are, reading ends, the records lie within the file, and the same comes
// out however the bytes come in: in one block, in small ones, record by record, through a pipe in pieces.
//
// Input: u8 ways to read, u8 block size, u8 pieces, then the file.
#include <array>
#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include "capture_error.hpp"
#include "input/capture_reader.hpp"
#include "support/check.hpp"
#include "support/draw.hpp"
#include "support/memory_file.hpp"

namespace {

using namespace flowglyph;
using namespace flowglyph::fuzz;

struct Read {
  std::string error;  // of openCapture
  std::vector<Record> records;
  std::vector<std::uint8_t> bytes;  // of all records, one after the other
  std::vector<std::uint16_t> linktypes;
  std::vector<std::string> notes;
  std::string damage;
  std::uint64_t bytesRead = 0;
};

// `feed` is asked for more when the input waits, and says whether there was more.
template <typename Feed>
Read readAll(BlockInput& input, std::size_t recordsAtOnce, std::size_t fileBytes, Feed&& feed) {
  Read read;
  std::unique_ptr<CaptureReader> reader;
  std::array<Record, 64> records;
  // The shortest record of any format is 16 bytes. A reader that says 0 has ended or waits.
  std::size_t calls = fileBytes / 16 + 8;
  try {
    while ((reader = openCapture(input)) == nullptr) FUZZ_CHECK(feed());
    for (;;) {
      FUZZ_CHECK(calls-- > 0);
      const std::size_t count = reader->read(std::span(records).first(recordsAtOnce));
      FUZZ_CHECK(count <= recordsAtOnce);
      if (count == 0) {
        if (!input.waiting()) break;
        FUZZ_CHECK(feed());
        ++calls;
        continue;
      }
      for (const Record& record : std::span(records).first(count)) {
        read.bytes.insert(read.bytes.end(), record.data, record.data + record.capLength);
        read.records.push_back(record);
        read.records.back().data = nullptr;
      }
      FUZZ_CHECK(read.bytes.size() <= fileBytes);
    }
    read.linktypes = reader->linktypes();
    read.notes = reader->notes();
    if (const auto& damage = reader->damage()) {
      FUZZ_CHECK(damage->offset <= fileBytes);
      read.damage = std::to_string(damage->offset) + (damage->truncated ? " cut " : " ") + damage->what;
    }
  } catch (const CaptureError& error) {
    const std::string what = error.what();
    read.error = error.code() + what.substr(what.find(':'));  // without the path
  }
  read.bytesRead = input.bytesRead();
  FUZZ_CHECK(read.bytesRead <= fileBytes);
  return read;
}

void checkSame(const Read& a, const Read& b) {
  FUZZ_CHECK(a.error == b.error);
  FUZZ_CHECK(a.records.size() == b.records.size());
  for (std::size_t i = 0; i < a.records.size(); ++i) {
    const Record &one = a.records[i], &other = b.records[i];
    FUZZ_CHECK(one.timeNs == other.timeNs && one.capLength == other.capLength &&
               one.origLength == other.origLength && one.linktype == other.linktype);
  }
  FUZZ_CHECK(a.bytes == b.bytes);
  FUZZ_CHECK(a.linktypes == b.linktypes);
  FUZZ_CHECK(a.notes == b.notes);
  FUZZ_CHECK(a.damage == b.damage);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Draw draw({data, size});
  const std::uint8_t ways = draw.u8();
  const std::size_t blockBytes = 64 + draw.u8() * std::size_t{8};
  const std::size_t pieces = 1 + draw.below(4);
  const Bytes file = draw.rest();

  const auto nothingMore = [] { return false; };
  const MemoryFile whole(file);
  BlockInput input(whole.path());
  const Read expected = readAll(input, 64, file.size(), nothingMore);
  // Without damage a file is read to its end.
  if (expected.error.empty() && expected.damage.empty()) FUZZ_CHECK(expected.bytesRead == file.size());
  if ((ways & 1) != 0) {
    BlockInput small(whole.path(), blockBytes);
    checkSame(expected, readAll(small, 1 + blockBytes % 7, file.size(), nothingMore));
  }
  if ((ways & 6) == 6) {  // seldom: each silence costs the millisecond that the reader waits
    DribbledPipe pipe(file);
    BlockInput dribbled(pipe.path(), blockBytes);
    const std::atomic<bool> stop{false};
    const auto feed = [&] {
      if (pipe.fed()) return false;
      pipe.feed(file.size() / pieces + 1);
      // Long once all is there: then nothing waits, and a busy machine must not look like a silent pipe.
      const auto patience = pipe.fed() ? std::chrono::seconds(60) : std::chrono::milliseconds(1);
      dribbled.waitUntil(BlockInput::Clock::now() + patience, stop);
      return true;
    };
    feed();
    checkSame(expected, readAll(dribbled, 1 + blockBytes % 7, file.size(), feed));
  }
  return 0;
}
