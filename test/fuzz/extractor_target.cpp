// The whole engine, with any options: captures of packets with a meaning, and captures of raw bytes. Every
// record is accounted for, and the rows are the same bytes for any number of threads, size of batches, way of
// reading and set of instructions.
//
// Input: 12 bytes options, u8 how to run it again, u8 pace, u8 kind of input; then either a capture file, or
// packets as support/packet_grammar.hpp draws them, each behind u8 time step and u8 captured length.
#include <cstdlib>

#include "support/captures.hpp"
#include "support/check.hpp"
#include "support/extraction.hpp"
#include "support/memory_file.hpp"
#include "support/packet_grammar.hpp"

namespace {

using namespace flowglyph;
using namespace flowglyph::fuzz;

constexpr std::size_t kMostPackets = 256;

std::int64_t stepNs(std::uint8_t drawn) {
  constexpr std::int64_t kMillisecond = 1'000'000;
  if (drawn < 160) return drawn * 37'000;
  if (drawn < 200) return (drawn - 160) * 50 * kMillisecond;
  if (drawn < 230) return (drawn - 200) * 2'000 * kMillisecond;
  if (drawn < 250) return -(drawn - 230) * kMillisecond;  // clocks are set back
  return (drawn - 249) * 400'000 * kMillisecond;
}

ByteVector drawCapture(Draw& draw) {
  const std::uint16_t linktype = kGrammarLinktypes[draw.below(kGrammarLinktypes.size())];
  test::PcapBuilder pcap({.linktype = linktype, .nanoseconds = true});
  Connections connections;
  std::int64_t time = 1'700'000'000'000'000'000;
  for (std::size_t packets = 0; !draw.empty() && packets < kMostPackets;) {
    const std::uint8_t step = draw.u8(), cut = draw.u8();
    for (const ByteVector& ip : ipPackets(connections, draw)) {
      time += stepNs(step);
      ByteVector frame = frameAround(linktype, ip, draw);
      const auto original = static_cast<std::uint32_t>(frame.size());
      if (cut > 200 && frame.size() > cut - 200u) frame.resize(frame.size() - (cut - 200u));
      pcap.record(time, frame, original);
      ++packets;
    }
  }
  return pcap.bytes();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Draw draw({data, size});
  ExtractOptions options = drawOptions(draw);
  const std::uint8_t again = draw.u8(), pace = draw.u8();
  const bool raw = draw.u8() % 4 == 3;
  const Bytes rest = raw ? draw.rest() : Bytes{};
  const MemoryFile file(raw ? ByteVector(rest.begin(), rest.end()) : drawCapture(draw));

  const Extraction expected = extractAll({file.path()}, options, {1 + pace % 8u, 1 + pace * 16u});
  if ((again & 1) != 0) options.threads = (again & 2) != 0 ? 2 : 4;
  if ((again & 4) != 0) options.inputMethod = InputMethod::kMap;
  const bool scalar = (again & 8) != 0;
  if (scalar) ::setenv("FLOWGLYPH_SIMD", "scalar", 1);
  const Extraction got = extractAll({file.path()}, options);
  if (scalar) ::unsetenv("FLOWGLYPH_SIMD");
  checkSame(expected, got);
  return 0;
}
