#include "parsed.hpp"

#include <algorithm>

namespace flowglyph::test {

Parsed parsed(const ByteVector& frame, std::uint16_t linktype, const ParseOptions& options,
              std::uint32_t origLength) {
  Parsed result{SkipReason::kNone, {}, std::make_unique<std::uint8_t[]>(frame.size())};
  std::copy(frame.begin(), frame.end(), result.bytes.get());
  const auto length = static_cast<std::uint32_t>(frame.size());
  const Record record{1, result.bytes.get(), length, origLength == 0 ? length : origLength, linktype, 0};
  result.reason = parsePacket(record, findLinktype(linktype), options, result.packet);
  return result;
}

ByteVector with(ByteVector prefix, const ByteVector& rest) {
  append(prefix, rest);
  return prefix;
}

ByteVector firstOf(const ByteVector& bytes, std::size_t count) {
  return ByteVector(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace flowglyph::test
