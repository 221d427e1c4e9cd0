#include "input/capture_reader.hpp"

#include <algorithm>

#include "input/pcap_reader.hpp"
#include "input/pcapng_reader.hpp"

namespace flowglyph {
void CaptureReader::stopTruncated(std::string_view unit, std::uint64_t needed, std::uint64_t left) {
  stopped_ = true;
  damage_ = CaptureDamage{
      input_.offset(), true,
      std::string(unit) + " needs " + std::to_string(needed) + " bytes, " + std::to_string(left) + " left"};
}

void CaptureReader::stopDamaged(std::string what) {
  stopped_ = true;
  damage_ = CaptureDamage{input_.offset(), false, std::move(what)};
}

void CaptureReader::sawLinktype(std::uint16_t linktype) {
  if (std::find(linktypes_.begin(), linktypes_.end(), linktype) == linktypes_.end())
    linktypes_.push_back(linktype);
}

std::unique_ptr<CaptureReader> openCapture(ByteInput& input, Bytes start) {
  if (auto reader = PcapReader::open(input, start)) return reader;
  return PcapngReader::open(input, start);
}

}  // namespace flowglyph
