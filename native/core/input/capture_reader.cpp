#include "input/capture_reader.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "capture_error.hpp"
#include "input/pcap_reader.hpp"
#include "input/pcapng_reader.hpp"

namespace flowglyph {
namespace {

std::string describeStart(Bytes start) {
  if (start.empty()) return "an empty file";
  std::string text;
  for (const std::uint8_t byte : start.first(std::min<std::size_t>(start.size(), 8))) {
    char hex[4];
    std::snprintf(hex, sizeof hex, "%02x ", byte);
    text += hex;
  }
  text.pop_back();
  if (start.size() >= 2 && start[0] == 0x1f && start[1] == 0x8b) text += " (gzip: decompress it first)";
  if (start.size() < 24) text += " (" + std::to_string(start.size()) + " bytes in all)";
  return text;
}

}  // namespace

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

std::unique_ptr<CaptureReader> openCapture(ByteInput& input, const std::string& path) {
  const Bytes start = input.require(24);
  if (input.waiting()) return nullptr;
  if (auto reader = PcapReader::open(input, start)) return reader;
  if (auto reader = PcapngReader::open(input, start)) return reader;
  throw CaptureError(kErrCaptureFormat, path +
                                            ": expected a pcap (magic a1b2c3d4, a1b23c4d) or pcapng "
                                            "(0a0d0d0a) capture, received " +
                                            describeStart(start));
}

}  // namespace flowglyph
