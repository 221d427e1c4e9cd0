#include "read_records.hpp"

#include <doctest/doctest.h>

namespace flowglyph::test {

ReadRecords readAll(RecordSource& source, std::size_t group) {
  ReadRecords got;
  std::vector<Record> records(group);
  const auto event = [&](char c) {
    if (got.events.empty() || got.events.back() != c || c == 'e' || c == 'f') got.events += c;
  };
  for (;;) {
    const auto [status, count] = source.read(records);
    CHECK((count > 0) == (status == RecordSource::Status::kRecords));
    REQUIRE(count <= group);
    for (std::size_t i = 0; i < count; ++i) got.records.push_back(copyOf(records[i]));
    if (status == RecordSource::Status::kRecords) event('r');
    if (status == RecordSource::Status::kWaiting) event('w');
    if (status == RecordSource::Status::kEndOfFile) event('e');
    if (status == RecordSource::Status::kFailed) {
      event('f');
      got.errors.push_back(source.error().code() + ": " + source.error().what());
    }
    if (status == RecordSource::Status::kEnd) break;
  }
  CHECK(source.done());
  CHECK_FALSE(source.live());
  CHECK(source.read(records).status == RecordSource::Status::kEnd);
  got.totals = source.totals();
  return got;
}

ReadRecords readAll(const std::vector<std::string>& paths, const ExtractOptions& options, std::size_t group) {
  RecordSource source(paths, options);
  return readAll(source, group);
}

ReadRecords readBytes(const ByteVector& file, const ExtractOptions& options, std::size_t group) {
  const TempFile temporary(file);
  return readAll({temporary.path()}, options, group);
}

}  // namespace flowglyph::test
