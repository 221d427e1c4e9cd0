#include "small_packet_capture.hpp"

#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <stdexcept>
#include <vector>

#include "bytes.hpp"

namespace flowglyph::bench {
namespace {

constexpr std::size_t kFrameBytes = 64, kRecordBytes = 16 + kFrameBytes;

struct Endpoint {
  std::uint32_t client, server;
  std::uint16_t clientPort, serverPort;
  bool tcp;
};

template <typename T>
void storeLittle(std::uint8_t* to, T value) {
  storeBig(to, byteSwap(value));
}

void writeRecord(std::uint8_t* to, std::uint64_t timeUs, const Endpoint& session, bool fromClient,
                 std::mt19937_64& random) {
  std::memset(to, 0, kRecordBytes);
  storeLittle(to, static_cast<std::uint32_t>(timeUs / 1'000'000));
  storeLittle(to + 4, static_cast<std::uint32_t>(timeUs % 1'000'000));
  storeLittle(to + 8, static_cast<std::uint32_t>(kFrameBytes));
  storeLittle(to + 12, static_cast<std::uint32_t>(kFrameBytes));
  std::uint8_t* frame = to + 16;
  frame[0] = frame[6] = 2;
  frame[fromClient ? 11 : 5] = 1;
  storeBig<std::uint16_t>(frame + 12, 0x0800);
  std::uint8_t* ip = frame + 14;
  ip[0] = 0x45;
  storeBig<std::uint16_t>(ip + 2, kFrameBytes - 14);
  storeBig(ip + 4, static_cast<std::uint16_t>(random()));
  ip[8] = 64;
  ip[9] = session.tcp ? 6 : 17;
  storeBig(ip + 12, fromClient ? session.client : session.server);
  storeBig(ip + 16, fromClient ? session.server : session.client);
  std::uint8_t* transport = ip + 20;
  storeBig(transport, fromClient ? session.clientPort : session.serverPort);
  storeBig(transport + 2, fromClient ? session.serverPort : session.clientPort);
  if (session.tcp) {
    storeBig(transport + 4, static_cast<std::uint32_t>(random()));
    transport[12] = 0x50;
    transport[13] = 0x10;
  } else {
    storeBig<std::uint16_t>(transport + 4, kFrameBytes - 34);
  }
  storeBig(frame + kFrameBytes - 8, static_cast<std::uint64_t>(random()));
}

}  // namespace

void writeSmallPacketCapture(const std::string& path, const SmallPacketOptions& options) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wb"), std::fclose);
  if (!file) throw std::runtime_error("cannot write " + path);
  std::mt19937_64 random(options.seed);
  const auto fresh = [&] {
    return Endpoint{0x0A000000u | (static_cast<std::uint32_t>(random()) & 0xFFFFFF),
                    0xC0A80000u | (static_cast<std::uint32_t>(random()) & 0xFFFF),
                    static_cast<std::uint16_t>(1024 + random() % 60000), 443, random() % 2 == 0};
  };
  std::vector<Endpoint> sessions(options.liveSessions);
  for (Endpoint& session : sessions) session = fresh();

  std::array<std::uint8_t, 24> header{};
  storeLittle<std::uint32_t>(header.data(), 0xa1b2c3d4);
  storeLittle<std::uint16_t>(header.data() + 4, 2);
  storeLittle<std::uint16_t>(header.data() + 6, 4);
  storeLittle<std::uint32_t>(header.data() + 16, 65535);
  storeLittle<std::uint32_t>(header.data() + 20, 1);
  bool good = std::fwrite(header.data(), header.size(), 1, file.get()) == 1;
  std::array<std::uint8_t, kRecordBytes> record;
  for (std::uint64_t i = 0; i < options.packets && good; ++i) {
    Endpoint& session = sessions[random() % sessions.size()];
    writeRecord(record.data(), 1'700'000'000'000'000 + i, session, random() % 2 == 0, random);
    if (random() % options.meanPackets == 0) session = fresh();
    good = std::fwrite(record.data(), record.size(), 1, file.get()) == 1;
  }
  if (!good) throw std::runtime_error("cannot write " + path);
}

}  // namespace flowglyph::bench
