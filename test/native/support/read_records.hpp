// Reads a RecordSource to its end, copying what it hands out.
#pragma once

#include <string>
#include <vector>

#include "captures.hpp"
#include "input/record_source.hpp"

namespace flowglyph::test {

struct RecordCopy {
  std::int64_t timeNs;
  ByteVector bytes;
  std::uint32_t origLength;
  std::uint16_t linktype;
  std::uint32_t captureGroup;

  bool operator==(const RecordCopy&) const = default;
};

struct ReadRecords {
  std::vector<RecordCopy> records;
  // What came in which order: records as 'r' (once for a run of them), 'e' end of file, 'f' failure, 'w'
  // waiting.
  std::string events;
  std::vector<std::string> errors;  // "ERR_IO: message"
  SourceTotals totals;
};

inline RecordCopy copyOf(const Record& record) {
  return {record.timeNs, ByteVector(record.data, record.data + record.capLength), record.origLength,
          record.linktype, record.captureGroup};
}

// Until kEnd. The waits of a live input have to end by themselves.
ReadRecords readAll(RecordSource& source, std::size_t group = 64);
ReadRecords readAll(const std::vector<std::string>& paths, const ExtractOptions& options = {},
                    std::size_t group = 64);
ReadRecords readBytes(const ByteVector& file, const ExtractOptions& options = {}, std::size_t group = 64);

}  // namespace flowglyph::test
