// Encoding alone: packets that lie parsed in memory become masked images, consecutive packets filling one
// image after the other. Beside it, over the same bytes: memcpy of every piece, and memcpy in runs as long as
// an image batch.
//   flowglyph_encode_bench CAPTURE [--rounds N]
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "bytes.hpp"
#include "image/image_encoder.hpp"
#include "image/image_kernel.hpp"
#include "parse/packet.hpp"

namespace {

using namespace flowglyph;

// The first part of the capture: more than the caches of a core hold.
constexpr std::size_t kBytes = std::size_t{128} << 20;
// Packets parsed at a time: they and their bytes stay in the second-level cache, as in a reader's block.
constexpr std::size_t kGroup = 2048;
constexpr std::size_t kBatch = 1024;  // images; a ring of them is written again and again

struct Piece {
  const std::uint8_t* from;
  std::uint32_t to, length;  // offset in the ring
};

double now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Parses up to kGroup packets from `at` on; moves it behind them.
void parseGroup(const std::vector<std::uint8_t>& bytes, std::size_t& at, std::vector<Packet>& packets) {
  static const Linktype* const ethernet = findLinktype(1);
  packets.clear();
  while (packets.size() < kGroup && at + 16 <= bytes.size()) {
    const auto length = loadLittle<std::uint32_t>(&bytes[at + 8]);
    if (at + 16 + length > bytes.size()) break;
    Record record{};
    record.data = &bytes[at + 16];
    record.capLength = record.origLength = length;
    record.linktype = 1;
    packets.emplace_back();
    if (parsePacket(record, ethernet, ParseOptions{}, packets.back()) != SkipReason::kNone)
      packets.pop_back();
    at += 16 + length;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: flowglyph_encode_bench CAPTURE [--rounds N]\n");
    return 2;
  }
  const std::size_t rounds = argc > 3 ? std::stoull(argv[3]) : 7;
  std::vector<std::uint8_t> bytes(kBytes);
  std::ifstream file(argv[1], std::ios::binary);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  std::vector<std::uint8_t> ring(kBatch * kImageBytes), expected(ring.size());
  const ImageKernel scalar = scalarImageKernel(), vector = vectorImageKernel();
  std::vector<Packet> packets;
  std::vector<Piece> pieces;
  std::size_t total = 0, packetCount = 0;
  const auto eachGroup = [&](auto&& work) {
    packetCount = 0;
    for (std::size_t at = 24;;) {
      parseGroup(bytes, at, packets);
      if (packets.empty()) return;
      packetCount += packets.size();
      work();
    }
  };
  // Processor seconds in which all packets become images; parsing them is not in it.
  const auto encode = [&](const ImageKernel& kernel, std::uint8_t* images) {
    ImageEncoder encoder(View::kL3, Mask::kIdentity, kernel);
    std::size_t row = 0, fill = 0;
    double seconds = 0;
    total = 0;
    eachGroup([&] {
      const double start = now();
      for (const Packet& packet : packets) {
        const std::size_t before = fill;
        fill = encoder.append(images + row * kImageBytes, fill, packet);
        total += fill - before;
        if (fill < kImageBytes) continue;
        fill = 0;
        row = (row + 1) % kBatch;
      }
      seconds += now() - start;
    });
    return seconds;
  };
  const auto copyPieces = [&] {
    std::size_t row = 0, fill = 0;
    double seconds = 0;
    eachGroup([&] {
      pieces.clear();
      for (const Packet& packet : packets) {
        const std::size_t length = std::min<std::size_t>(packet.ipEnd - packet.ipOffset, kImageBytes - fill);
        pieces.push_back({packet.record.data + packet.ipOffset,
                          static_cast<std::uint32_t>(row * kImageBytes + fill),
                          static_cast<std::uint32_t>(length)});
        fill += length;
        if (fill < kImageBytes) continue;
        fill = 0;
        row = (row + 1) % kBatch;
      }
      const double start = now();
      for (const Piece& piece : pieces) std::memcpy(ring.data() + piece.to, piece.from, piece.length);
      seconds += now() - start;
    });
    return seconds;
  };
  const auto copyAll = [&] {
    const double start = now();
    for (std::size_t done = 0; done < total;) {
      const std::size_t length = std::min(ring.size(), total - done),
                        at = done % (bytes.size() - ring.size());
      std::memcpy(ring.data(), bytes.data() + at, length);
      done += length;
    }
    return now() - start;
  };
  encode(scalar, expected.data());
  encode(vector, ring.data());
  if (ring != expected) {
    std::fprintf(stderr, "the kernels differ\n");
    return 1;
  }
  // One after the other in each round.
  std::array<std::vector<double>, 4> times;
  for (std::size_t round = 0; round < rounds; ++round) {
    times[0].push_back(encode(vector, ring.data()));
    times[1].push_back(copyPieces());
    times[2].push_back(copyAll());
    times[3].push_back(encode(scalar, ring.data()));
  }
  std::uint64_t sum = 0;
  for (const std::uint8_t byte : ring) sum += byte;
  const auto rate = [&](std::size_t i) { return static_cast<double>(total) / median(times[i]); };
  std::printf(
      "{\"packets\":%zu,\"imageBytes\":%zu,\"kernel\":\"%s\",\"encode\":%.0f,\"memcpyPieces\":%.0f,"
      "\"memcpy\":%.0f,"
      "\"scalar\":%.0f,\"sum\":%llu}\n",
      packetCount, total, std::string(vector.name).c_str(), rate(0), rate(1), rate(2), rate(3),
      static_cast<unsigned long long>(sum));
  return 0;
}
