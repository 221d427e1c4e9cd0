#include "stream/tcp_stream.hpp"
namespace flowglyph {
TcpStreams::TcpStreams(Order, View) {}
std::size_t TcpStreams::add(TcpState&, const Packet&, unsigned, std::uint8_t, std::uint8_t*, std::size_t fill) { return fill; }
std::size_t TcpStreams::finish(TcpState&, std::uint8_t*, std::size_t fill) { return fill; }
std::size_t TcpStreams::memoryUsed() const { return 0; }
}
