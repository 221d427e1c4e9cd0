// Appends a packet's bytes to its session's image, as the view and the mask want them.
#pragma once

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
    return fill < kImageBytes ? appendBytes(image, fill, packet) : fill;
  }

 private:
  std::size_t appendBytes(std::uint8_t* image, std::size_t fill, const Packet& packet);

  View view_;
  Mask mask_;
  ImageKernel kernel_;
  HeaderMask headers_;
};

}  // namespace flowglyph
