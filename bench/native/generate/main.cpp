// Writes a seeded capture (classic pcap, microseconds, Ethernet) and prints what is in it as JSON.
//   flowglyph_generate_capture --profile NAME --out PATH [--sessions N] [--seed N]
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "bytes.hpp"
#include "generate/traffic.hpp"

namespace {

using namespace flowglyph;
using namespace flowglyph::bench;

struct Profile {
  const char* name;
  std::uint64_t sessions;    // unless told otherwise
  double arrivalsPerSecond;  // so that a longer capture has as many sessions at one time
  double ipv6, retransmitted;
  std::vector<Share> shares;
};

// clang-format off
const std::vector<Profile>& profiles() {
  static const std::vector<Profile> kProfiles = {
      // The hardest load: 40 packets a session, nearly all sessions under way at once, no two packets in a row of one.
      {"small", 50'000, 1667, 0, 0, {{Conduct::kTiny, 1, 0.5, 20, 60, false, 0.75, 1}}},
      {"mixed", 23'000, 77, 0.15, 0.005,
       {{Conduct::kQuery, 0.35, 0, 2, 4, false, 0.03, 0},
        {Conduct::kChat, 0.30, 0, 8, 60, false, 0.2, 0.9},
        {Conduct::kBulk, 0.20, 0, 30, 40'000, true, 0.002, 0.95},
        {Conduct::kQuic, 0.10, 0, 20, 4'000, true, 0.005, 0},
        {Conduct::kVoice, 0.05, 0, 100, 600, false, 0.02, 0}}},
      // As mixed, with fewer downloads: 30 KB a session.
      {"web", 40'000, 133, 0.15, 0.005,
       {{Conduct::kQuery, 0.39, 0, 2, 4, false, 0.03, 0},
        {Conduct::kChat, 0.395, 0, 8, 60, false, 0.2, 0.9},
        {Conduct::kBulk, 0.065, 0, 30, 40'000, true, 0.002, 0.95},
        {Conduct::kQuic, 0.10, 0, 20, 4'000, true, 0.005, 0},
        {Conduct::kVoice, 0.05, 0, 100, 600, false, 0.02, 0}}},
      {"full", 200, 20, 0, 0, {{Conduct::kFull, 1, 0.5, 3'000, 4'000, false, 0.01, 1}}},
      // Few long sessions among many short ones.
      {"short", 500'000, 3333, 0.15, 0.005,
       {{Conduct::kQuery, 0.55, 0, 2, 4, false, 0.03, 0},
        {Conduct::kTiny, 0.2499, 0.5, 2, 10, false, 0.1, 0.9},
        {Conduct::kChat, 0.20, 0, 7, 12, false, 0.1, 0.95},
        {Conduct::kBulk, 0.0001, 0, 5'000, 20'000, false, 0.005, 1}}},
      // About 2 KiB a session; live at one time, with 120 s of silence after the last packet: below 300,000.
      {"timeouts", 5'000'000, 2778, 0.1, 0.005,
       {{Conduct::kQuery, 0.55, 0, 2, 4, false, 0.03, 0},
        {Conduct::kChat, 0.35, 0, 7, 11, false, 0.1, 0.9},
        {Conduct::kQuic, 0.0985, 0, 3, 6, false, 0.05, 0},
        {Conduct::kBulk, 0.0015, 0, 200, 1'200, false, 0.01, 1}}},
      {"flood", 20'000'000, 333'333, 0, 0, {{Conduct::kProbe, 1, 0, 1, 1, false, 1, 0}}},
  };
  return kProfiles;
}
// clang-format on

class CaptureFile {
 public:
  explicit CaptureFile(const std::string& path)
      : path_(path), file_(std::fopen(path.c_str(), "wb"), std::fclose) {
    if (!file_) throw std::runtime_error("cannot write " + path);
    std::setvbuf(file_.get(), nullptr, _IOFBF, std::size_t{4} << 20);
    std::uint8_t header[24] = {};
    storeLittle<std::uint32_t>(header, 0xa1b2c3d4);
    storeLittle<std::uint16_t>(header + 4, 2);
    storeLittle<std::uint16_t>(header + 6, 4);
    storeLittle<std::uint32_t>(header + 16, 65535);
    storeLittle<std::uint32_t>(header + 20, 1);  // Ethernet
    put(header, sizeof header);
  }
  void record(std::uint64_t timeUs, const std::uint8_t* frame, std::size_t bytes) {
    std::uint8_t header[16];
    storeLittle(header, static_cast<std::uint32_t>(timeUs / 1'000'000));
    storeLittle(header + 4, static_cast<std::uint32_t>(timeUs % 1'000'000));
    storeLittle(header + 8, static_cast<std::uint32_t>(bytes));
    storeLittle(header + 12, static_cast<std::uint32_t>(bytes));
    put(header, sizeof header);
    put(frame, bytes);
  }
  void close() {
    if (std::fclose(file_.release()) != 0) throw std::runtime_error("cannot write " + path_);
  }

 private:
  template <typename T>
  static void storeLittle(std::uint8_t* to, T value) {
    storeBig(to, byteSwap(value));
  }
  void put(const std::uint8_t* bytes, std::size_t length) {
    if (std::fwrite(bytes, length, 1, file_.get()) != 1) throw std::runtime_error("cannot write " + path_);
  }

  std::string path_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
};

int generate(const Profile& profile, const std::string& out, std::uint64_t sessions, std::uint64_t seed) {
  constexpr std::uint64_t kStartUs = 1'700'000'000'000'000;
  TrafficOptions options;
  options.shares = profile.shares;
  options.sessions = sessions;
  options.arrivalSeconds = static_cast<double>(sessions) / profile.arrivalsPerSecond;
  options.ipv6 = profile.ipv6;
  options.retransmitted = profile.retransmitted;
  options.seed = seed;
  Traffic traffic(options);
  CaptureFile file(out);
  std::uint8_t frame[kMaxFrameBytes];
  TimedFrame timed;
  while (traffic.next(frame, timed)) file.record(kStartUs + timed.timeNs / 1000, frame, timed.bytes);
  file.close();
  const TrafficTotals& totals = traffic.totals();
  std::printf(
      "{\"profile\":\"%s\",\"seed\":%llu,\"packets\":%llu,\"bytes\":%llu,\"tcpSessions\":%llu,"
      "\"udpSessions\":%llu,\"tcpPackets\":%llu,\"longestSession\":%llu,\"seconds\":%.3f}\n",
      profile.name, static_cast<unsigned long long>(seed), static_cast<unsigned long long>(totals.packets),
      static_cast<unsigned long long>(24 + 16 * totals.packets + totals.frameBytes),
      static_cast<unsigned long long>(totals.tcpSessions),
      static_cast<unsigned long long>(totals.udpSessions), static_cast<unsigned long long>(totals.tcpPackets),
      static_cast<unsigned long long>(totals.longestSession), totals.seconds);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string name, out;
  std::uint64_t sessions = 0, seed = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i], value = argv[i + 1];
    if (option == "--profile") name = value;
    if (option == "--out") out = value;
    if (option == "--sessions") sessions = std::stoull(value);
    if (option == "--seed") seed = std::stoull(value);
  }
  try {
    for (const Profile& profile : profiles())
      if (name == profile.name && !out.empty())
        return generate(profile, out, sessions != 0 ? sessions : profile.sessions, seed);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  std::fprintf(stderr, "usage: flowglyph_generate_capture --profile");
  for (const Profile& profile : profiles())
    std::fprintf(stderr, " %s%s", &profile == &profiles()[0] ? "" : "| ", profile.name);
  std::fprintf(stderr, " --out PATH [--sessions N] [--seed N]\n");
  return 2;
}
