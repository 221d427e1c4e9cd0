// Stands in until the real one lands: payload in capture order, nothing counted.
#include "stream/tcp_stream.hpp"

#include <algorithm>
#include <cstring>

namespace flowglyph {

TcpStreams::TcpStreams(Order order, View view) : stream_(order == Order::kStream && view == View::kL7) {}

std::size_t TcpStreams::add(TcpState&, const Packet& packet, unsigned, std::uint8_t, std::uint8_t* image,
                            std::size_t fill) {
  if (!stream_) return fill;
  const std::size_t length =
      std::min<std::size_t>(packet.payloadEnd - packet.payloadOffset, kImageBytes - fill);
  std::memcpy(image + fill, packet.record.data + packet.payloadOffset, length);
  return fill + length;
}

std::size_t TcpStreams::finish(TcpState&, std::uint8_t*, std::size_t fill) { return fill; }

std::size_t TcpStreams::memoryUsed() const { return 0; }

}  // namespace flowglyph
