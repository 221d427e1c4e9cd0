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
  PcapReader(ByteInput& input, Bytes header, bool bigEndian, std::uint32_t magic);
  std::uint32_t maxRecordBytes() const;

  bool bigEndian_;
  std::uint32_t recordHeaderBytes_;  // 16; 24 in Kuznetzov's format
  std::uint32_t fractionNs_;         // nanoseconds in one unit of the second timestamp field
  std::uint32_t snapLength_;
  std::uint16_t minorVersion_;
  std::uint16_t linktype_;
};

}  // namespace flowglyph
