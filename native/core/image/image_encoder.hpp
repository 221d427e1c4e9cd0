// Appends a packet's bytes to its session's image, as the view and the mask want them.
#pragma once

#include <algorithm>

#include "image/header_mask.hpp"
#include "image/image_kernel.hpp"
#include "options.hpp"
#include "parse/packet.hpp"

namespace flowglyph {

class ImageEncoder {
 public:
  ImageEncoder(View view, Mask mask, const ImageKernel& kernel)
      : view_(view), mask_(mask), kernel_(kernel), headers_(view, mask) {}

  // `image` has kImageBytes, of which the first `fill` are written. Returns the new fill. The rest stays as
  // it is.
  std::size_t append(std::uint8_t* image, std::size_t fill, const Packet& packet) {
    if (fill >= kImageBytes) return fill;
    if (view_ != View::kL3) return appendView(image, fill, packet);
    return appendRange(image, fill, packet, packet.ipOffset, packet.ipEnd);
  }

 private:
  std::size_t appendView(std::uint8_t* image, std::size_t fill, const Packet& packet);
  // The bytes [from, end) of the packet's record, as far as the image has room.
  std::size_t appendRange(std::uint8_t* image, std::size_t fill, const Packet& packet, std::uint32_t from,
                          std::uint32_t end) {
    const std::size_t length = std::min<std::size_t>(end - from, kImageBytes - fill);
    const HeaderPattern pattern = headers_.patternFor(packet);
    kernel_.copyMasked(image + fill, packet.record.data + from, length, pattern.bytes, pattern.length);
    return fill + length;
  }

  View view_;
  Mask mask_;
  ImageKernel kernel_;
  HeaderMask headers_;
};

}  // namespace flowglyph
