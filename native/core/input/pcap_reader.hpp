// Classic pcap: a 24-byte file header, then records of a 16-byte header and the captured bytes.
// https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcap/
#pragma once

#include <memory>

#include "input/capture_reader.hpp"

namespace flowglyph {

class PcapReader final : public CaptureReader {
 public:
  // Null when `start`, the first bytes of the input, is not a pcap file header.
  static std::unique_ptr<PcapReader> open(ByteInput& input, Bytes start);

  std::size_t read(std::span<Record> records) override;

 private:
  enum class Lengths : std::uint8_t { kInOrder, kSwapped, kEither };  // captured, then original

  PcapReader(ByteInput& input, Bytes header, bool bigEndian);
  std::uint32_t maxRecordBytes() const;
  bool skipHeader();

  bool bigEndian_;
  Lengths lengths_;
  std::uint16_t linktype_;
  std::uint32_t headerLeft_;  // of the file header, unread
  std::uint32_t recordHeaderBytes_, fractionNs_, snapLength_;
};

}  // namespace flowglyph
