// TCP streams: segments of three sessions that share one TcpStreams, against the twin that keeps every
// number. Image and counts are the same after every segment, and counts know neither view nor order.
//
// Input: segments of 10 bytes: session and direction, flags, kind, u16 length, u32 number, acknowledgement.
#include <algorithm>
#include <array>

#include "stream/tcp_stream.hpp"
#include "support/check.hpp"
#include "support/draw.hpp"
#include "support/twin_tcp.hpp"

namespace {

using namespace flowglyph;
using namespace flowglyph::fuzz;
using test::TcpSegment;

constexpr std::size_t kSessions = 3, kMostSegments = 300;
constexpr std::uint8_t kUntouched = 0xEE;

struct Session {
  Session() { image.fill(kUntouched); }

  void add(TcpStreams& streams, const Packet& packet, unsigned direction) {
    fill = streams.add(state, packet, direction, flags[direction], image.data(), fill);
    flags[direction] |= packet.tcpFlags;
    FUZZ_CHECK(fill <= kImageBytes);
  }

  TcpState state = TcpStreams::fresh();
  std::uint8_t flags[2] = {};
  std::array<std::uint8_t, kImageBytes> image;
  std::size_t fill = 0;
};

struct Both {
  Session stream, packets;
  test::TwinTcp twin;
  // Where each direction has got to, so that numbers mean something.
  std::uint32_t sent[2] = {0xFFFFFF80, 1000};

  void checkSame() const {
    const TcpState &a = stream.state, &b = packets.state;
    const test::TwinTcpCounts counts{a.retransmissions, a.outOfOrder, a.gaps, a.gapBytes};
    FUZZ_CHECK(counts == twin.counts);
    FUZZ_CHECK(b.retransmissions == a.retransmissions && b.outOfOrder == a.outOfOrder && b.gaps == a.gaps &&
               b.gapBytes == a.gapBytes);
    FUZZ_CHECK(stream.fill == std::min(twin.stream.size(), kImageBytes));
    FUZZ_CHECK(std::equal(stream.image.begin(),
                          stream.image.begin() + static_cast<std::ptrdiff_t>(stream.fill),
                          twin.stream.begin()));
    FUZZ_CHECK(std::all_of(stream.image.begin() + static_cast<std::ptrdiff_t>(stream.fill),
                           stream.image.end(), [](std::uint8_t byte) { return byte == kUntouched; }));
    FUZZ_CHECK(packets.fill == 0);
  }
};

TcpSegment drawSegment(Draw& draw, unsigned direction, Both& session) {
  const std::uint8_t flags = draw.u8(), kind = draw.u8();
  const std::uint16_t length = draw.u16();
  const std::uint32_t number = draw.u32();
  const std::uint8_t acknowledgement = draw.u8();
  std::uint32_t& sent = session.sent[direction];
  TcpSegment segment{.direction = direction, .sequence = sent};
  segment.acknowledgement = session.sent[1 - direction] - acknowledgement;
  if (flags >= 0xC0) segment.flags = flags & 0x3F;
  const std::size_t bytes = kind < 40 ? 0 : kind < 250 ? length % 48 : length % 1500;
  segment.payload.assign(bytes, kind);
  for (std::size_t i = 0; i < bytes; ++i) segment.payload[i] = static_cast<std::uint8_t>(kind + i);
  switch (kind % 8) {
    case 0:  // again
      segment.sequence -= number % 256;
      break;
    case 1:  // ahead
      segment.sequence += number % 256;
      break;
    case 2:  // near the ends of what is believed
      segment.sequence += (number & 0xC0000000) + (number & 0xFF) - 0x80;
      break;
    case 3:
      segment.sequence = number;
      segment.acknowledgement = number * 2654435761u;
      break;
    default:
      sent += static_cast<std::uint32_t>(bytes) + ((segment.flags & (kTcpSyn | kTcpFin)) != 0 ? 1 : 0);
  }
  if (flags % 16 == 15 && bytes != 0) segment.cutOff = static_cast<std::uint32_t>(number % (bytes + 1));
  if (kind % 8 == 4 && number % 5 == 0) sent = segment.sequence + number % 512;  // the capture lost something
  return segment;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Draw draw({data, size});
  TcpStreams ordered(Order::kStream, View::kL7), packets(Order::kStream, View::kL3);
  std::array<Both, kSessions> sessions;
  for (std::size_t i = 0; !draw.empty() && i < kMostSegments; ++i) {
    const std::uint8_t where = draw.u8();
    Both& session = sessions[where / 2 % kSessions];
    const unsigned direction = where % 2;
    const TcpSegment segment = drawSegment(draw, direction, session);
    {
      // The frame goes away: what waits must be a copy.
      const test::TcpPacket made(segment);
      session.stream.add(ordered, made.packet, direction);
      session.packets.add(packets, made.packet, direction);
    }
    session.twin.add(segment);
    session.checkSame();
  }
  for (Both& session : sessions) {
    session.stream.fill =
        ordered.finish(session.stream.state, session.stream.image.data(), session.stream.fill);
    session.packets.fill =
        packets.finish(session.packets.state, session.packets.image.data(), session.packets.fill);
    session.twin.finish();
    session.checkSame();
    FUZZ_CHECK(session.stream.state.stash == kNoStash);
  }
  FUZZ_CHECK(ordered.memoryUsed() == 0 && packets.memoryUsed() == 0);
  return 0;
}
