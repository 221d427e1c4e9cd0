// Packets per second on one thread: reading alone, parsing, and the whole way to emitted images, the Highway
// kernels and their scalar twin in turn over the same page-cached capture. Both ways must give the same bytes
// before anything is timed.
//   flowglyph_extract_bench [--packets N] [--sessions N] [--rounds N] [--view V] [--mask M] [--capture PATH]
//   [--only vector|scalar]
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "extractor.hpp"
#include "image/image_kernel.hpp"
#include "input/block_input.hpp"
#include "input/capture_reader.hpp"
#include "parse/packet.hpp"
#include "small_packet_capture.hpp"

namespace {

using namespace flowglyph;
struct Outcome {
  std::uint64_t packets = 0, sessions = 0, digest = 0;
};

Outcome readOnly(const std::string& path) {
  BlockInput input(path);
  const auto reader = openCapture(input, input.require(24));
  std::array<Record, 64> records;
  Outcome outcome;
  while (const std::size_t count = reader->read(records)) outcome.packets += count;
  return outcome;
}

Outcome readAndParse(const std::string& path) {
  BlockInput input(path);
  const auto reader = openCapture(input, input.require(24));
  const Linktype* row = findLinktype(reader->linktypes().front());
  std::array<Record, 64> records;
  Outcome outcome;
  Packet packet;
  while (const std::size_t count = reader->read(records)) {
    outcome.packets += count;
    for (std::size_t i = 0; i < count; ++i)
      outcome.digest +=
          parsePacket(records[i], row, ParseOptions{}, packet) == SkipReason::kNone ? packet.ipBytes : 0;
  }
  return outcome;
}

Outcome extract(const std::string& path, const ExtractOptions& options, bool digest) {
  const BatchLayout layout(1024);
  static std::vector<std::byte> storage(layout.totalBytes + 64);
  std::byte* aligned = storage.data() + (64 - reinterpret_cast<std::uintptr_t>(storage.data()) % 64) % 64;
  const std::span<std::byte> buffer(aligned, layout.totalBytes);
  const std::atomic<bool> stop{false};
  Extractor extractor({path}, options);
  Outcome outcome;
  while (!extractor.done()) {
    const std::size_t rows = extractor.next(layout, buffer, std::uint64_t{8} << 20, stop);
    outcome.sessions += rows;
    if (!digest) continue;
    for (std::size_t i = 0; i < rows * kImageBytes; ++i)  // FNV-1a
      outcome.digest = (outcome.digest ^ static_cast<std::uint64_t>(buffer[i])) * 0x100000001B3u;
  }
  outcome.packets = extractor.summary().packets;
  return outcome;
}

// Processor time of this thread, kernel part included: other processes on the machine do not count.
double seconds(const std::function<void()>& work) {
  const auto now = [] {
    timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double start = now();
  work();
  return now() - start;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::string cpuModel() {
  std::string model = "unknown";
  if (std::FILE* file = std::fopen("/proc/cpuinfo", "r")) {
    char line[256];
    while (std::fgets(line, sizeof line, file) != nullptr) {
      const std::string text = line;
      if (!text.starts_with("model name")) continue;
      model = text.substr(text.find(':') + 2);
      model.pop_back();
      break;
    }
    std::fclose(file);
  }
  return model;
}

}  // namespace

int main(int argc, char** argv) {
  bench::SmallPacketOptions load;
  ExtractOptions options;
  std::size_t rounds = 5;
  std::string path, only;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--packets") load.packets = std::stoull(value);
    if (name == "--sessions") load.liveSessions = static_cast<std::uint32_t>(std::stoul(value));
    if (name == "--mean") load.meanPackets = static_cast<std::uint32_t>(std::stoul(value));
    if (name == "--rounds") rounds = std::stoul(value);
    if (name == "--view")
      options.view = value == "pcap" ? View::kPcap : value == "l7" ? View::kL7 : View::kL3;
    if (name == "--mask")
      options.mask = value == "none" ? Mask::kNone : value == "stack" ? Mask::kStack : Mask::kIdentity;
    if (name == "--capture") path = value;
    if (name == "--only") only = value;
  }
  const bool generated = path.empty();
  if (generated) {
    path = (std::filesystem::temp_directory_path() / "flowglyph-small-packets.pcap").string();
    bench::writeSmallPacketCapture(path, load);
  }
  const auto extractWith = [&](const char* simd, bool digest) {
    setenv("FLOWGLYPH_SIMD", simd, 1);
    return extract(path, options, digest);
  };
  const Outcome expected = extractWith("scalar", true);
  const Outcome vector = extractWith("auto", true);
  if (expected.digest != vector.digest || expected.sessions != vector.sessions) {
    std::fprintf(stderr, "the kernels differ\n");
    return 1;
  }

  std::array<std::vector<double>, 4> times;
  for (std::size_t round = 0; round < rounds; ++round) {
    if (only.empty()) {
      times[0].push_back(seconds([&] { readOnly(path); }));
      times[1].push_back(seconds([&] { readAndParse(path); }));
    }
    if (only != "vector") times[2].push_back(seconds([&] { extractWith("scalar", false); }));
    if (only != "scalar") times[3].push_back(seconds([&] { extractWith("auto", false); }));
  }
  const char* names[] = {"read", "readAndParse", "extractScalar", "extractVector"};
  std::printf(
      "{\"cpu\":\"%s\",\"cores\":%u,\"kernel\":\"%s\",\"packets\":%llu,\"sessions\":%llu,\"liveSessions\":%u,"
      "\"rounds\":%zu",
      cpuModel().c_str(), std::thread::hardware_concurrency(), std::string(vectorImageKernel().name).c_str(),
      static_cast<unsigned long long>(expected.packets), static_cast<unsigned long long>(expected.sessions),
      load.liveSessions, rounds);
  for (std::size_t i = 0; i < times.size(); ++i)
    if (!times[i].empty())
      std::printf(",\"%sPacketsPerSecond\":%.0f", names[i],
                  static_cast<double>(expected.packets) / median(times[i]));
  std::printf("}\n");
  if (generated) std::filesystem::remove(path);
  return 0;
}
