// pcapng: blocks of a type, a length, a body and the length again. Sections bring their own byte order and
// interfaces. https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcapng/
#pragma once

#include <memory>
#include <vector>

#include "input/capture_reader.hpp"
#include "input/timestamp.hpp"

namespace flowglyph {

class PcapngReader final : public CaptureReader {
 public:
  // Null when `start`, the first bytes of the input, is not a section header block.
  static std::unique_ptr<PcapngReader> open(ByteInput& input, Bytes start);

  std::size_t read(std::span<Record> records) override;

 private:
  struct Interface {
    std::uint16_t linktype;
    std::uint32_t snapLength;  // 0 = none
    TimestampUnit unit;
  };

  // A block that is not wanted. It may be larger than memory, so it goes by piece by piece.
  struct SkippedBlock {
    std::uint64_t start, length, left;
  };

  explicit PcapngReader(ByteInput& input) : CaptureReader(input) {}

  bool skipOn();
  bool beginSection(Bytes block);
  bool describeInterface(Bytes body);
  // False when the lengths in the block contradict each other.
  bool packet(std::uint32_t type, Bytes body, Record& record);

  bool bigEndian_ = false;
  bool skipSection_ = false;  // of a version that we do not know
  SkippedBlock skipping_{};
  std::vector<Interface> interfaces_;
  std::int64_t lastTimeNs_ = 0;  // simple packet blocks have no time: they take that of the record before
};

}  // namespace flowglyph
