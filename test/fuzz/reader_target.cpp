// Capture files: whatever the bytes are, reading ends, the records lie within the file, and the same comes
// out however the bytes come in: in one piece, in small ones, with silence in between, mapped. Records that
// are held stay as they were.
//
// Input: u8 ways to read, u8 block size, u8 piece size, then the file.
#include <array>
#include <string>
#include <vector>

#include "input/block_input.hpp"
#include "input/capture_reader.hpp"
#include "input/record_source.hpp"
#include "support/check.hpp"
#include "support/draw.hpp"
#include "support/memory_file.hpp"
#include "support/memory_source.hpp"

namespace {

using namespace flowglyph;
using namespace flowglyph::fuzz;

constexpr std::size_t kMostHolds = 24;
constexpr std::size_t kShortestRecord = 16;  // of any format: what bounds the number of records of a file

struct Read {
  std::string error;
  std::vector<Record> records;
  std::vector<std::uint8_t> bytes;  // of all records, one after the other
  std::vector<std::uint16_t> linktypes;
  std::vector<std::string> warnings;
  std::uint64_t bytesRead = 0;

  void add(std::span<const Record> more) {
    for (const Record& record : more) {
      if (record.capLength != 0) bytes.insert(bytes.end(), record.data, record.data + record.capLength);
      records.push_back(record);
    }
  }
};

// A reader over a source of ours. `hold`: the first reads' records are held, and looked at again at the end.
Read readReader(Bytes file, std::size_t blockBytes, std::size_t pieceBytes, bool silent, bool hold) {
  Read read;
  BlockInput input(std::make_unique<MemorySource>(file, pieceBytes, silent), blockBytes);
  std::array<Record, 64> records;
  const auto atOnce = std::span(records).first(1 + blockBytes % 64);
  std::vector<std::shared_ptr<const void>> held;
  std::size_t holds = 0, heldRecords = 0;
  // Every call brings a record, or a piece of the file, or ends it.
  std::size_t calls = file.size() / kShortestRecord + 2 * (file.size() / pieceBytes) + 16;
  Bytes start = input.require(24);
  for (; input.waiting(); start = input.require(24)) FUZZ_CHECK(calls-- > 0);
  if (const auto reader = openCapture(input, start)) {
    for (;;) {
      FUZZ_CHECK(calls-- > 0);
      const std::size_t count = reader->read(atOnce);
      FUZZ_CHECK(count <= atOnce.size());
      if (count == 0 && !input.waiting()) break;
      read.add(atOnce.first(count));
      if (!hold || holds == kMostHolds) continue;
      input.hold(held);
      ++holds;
      heldRecords = read.records.size();
    }
    const auto linktypes = reader->linktypes();
    read.linktypes.assign(linktypes.begin(), linktypes.end());
    for (const std::string& note : reader->notes()) read.warnings.push_back(note);
    if (const auto& damage = reader->damage()) {
      FUZZ_CHECK(damage->offset <= file.size());
      read.warnings.push_back(std::to_string(damage->offset) + (damage->truncated ? " cut " : " ") +
                              damage->what);
    }
  } else {
    read.error = "no capture";
  }
  FUZZ_CHECK(read.bytes.size() <= file.size());
  std::size_t at = 0;
  for (const Record& record : std::span(read.records).first(heldRecords)) {
    FUZZ_CHECK(record.capLength == 0 ||
               std::memcmp(record.data, read.bytes.data() + at, record.capLength) == 0);
    at += record.capLength;
  }
  read.bytesRead = input.bytesRead();
  return read;
}

// As the engine reads: by path, through whatever decompresses.
Read readSource(const MemoryFile& file, InputMethod method) {
  Read read;
  ExtractOptions options;
  options.inputMethod = method;
  RecordSource source({file.path()}, options);
  std::array<Record, 64> records;
  for (bool ended = false; !ended;) {
    const RecordSource::Result result = source.read(records);
    switch (result.status) {
      case RecordSource::Status::kRecords:
        FUZZ_CHECK(result.count > 0 && result.count <= records.size());
        read.add(std::span(records).first(result.count));
        break;
      case RecordSource::Status::kFailed:
        FUZZ_CHECK(read.error.empty());
        read.error = source.error().what();
        break;
      case RecordSource::Status::kEndOfFile:
        break;
      case RecordSource::Status::kEnd:
        ended = true;
        break;
      case RecordSource::Status::kWaiting:
        FUZZ_CHECK(!"a file has no silence");
    }
  }
  FUZZ_CHECK(source.done());
  const SourceTotals& totals = source.totals();
  FUZZ_CHECK(totals.truncated ? !totals.warnings.empty() : true);
  read.linktypes = totals.linktypes;
  read.warnings = totals.warnings;
  read.bytesRead = totals.bytesRead;
  return read;
}

void checkSameRecords(const Read& a, const Read& b) {
  FUZZ_CHECK(a.records.size() == b.records.size());
  for (std::size_t i = 0; i < a.records.size(); ++i) {
    const Record &one = a.records[i], &other = b.records[i];
    FUZZ_CHECK(one.timeNs == other.timeNs && one.capLength == other.capLength &&
               one.origLength == other.origLength && one.linktype == other.linktype);
  }
  FUZZ_CHECK(a.bytes == b.bytes);
  FUZZ_CHECK(a.linktypes == b.linktypes);
}

void checkSame(const Read& a, const Read& b) {
  checkSameRecords(a, b);
  FUZZ_CHECK(a.error == b.error);
  FUZZ_CHECK(a.warnings == b.warnings);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Draw draw({data, size});
  const std::uint8_t ways = draw.u8();
  const std::size_t blockBytes = 64 + draw.u8() * std::size_t{8};
  const std::size_t pieceBytes = 1 + draw.u8() * std::size_t{4};
  const Bytes file = draw.rest();

  const Read expected = readReader(file, 4096, file.size() + 1, false, false);
  // Without damage a file is read to its end.
  if (expected.error.empty() && expected.warnings.empty()) FUZZ_CHECK(expected.bytesRead == file.size());
  checkSame(expected, readReader(file, blockBytes, pieceBytes, (ways & 1) != 0, (ways & 2) != 0));
  if ((ways & 0x1C) == 0x1C) {  // seldom: files and maps cost system calls
    const MemoryFile whole(file);
    const Read read = readSource(whole, InputMethod::kRead), map = readSource(whole, InputMethod::kMap);
    checkSame(read, map);
    FUZZ_CHECK(read.bytesRead <= file.size());
    if (expected.error.empty()) checkSameRecords(expected, read);
  }
  return 0;
}
