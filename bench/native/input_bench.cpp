// Reading in blocks beside mapping, over the same page-cached capture, the two ways in turn: the bare record
// walk, and the whole way to emitted images. Both must find the same before anything is timed.
//   flowglyph_input_bench --capture PATH [--rounds N]
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "extractor.hpp"
#include "input/record_source.hpp"

namespace {

using namespace flowglyph;

struct Outcome {
  std::uint64_t packets = 0, bytes = 0, digest = 0;
  bool operator==(const Outcome&) const = default;
};

Outcome walk(const std::string& path, InputMethod method) {
  ExtractOptions options;
  options.inputMethod = method;
  RecordSource source({path}, options);
  std::array<Record, 64> records;
  Outcome outcome;
  for (;;) {
    const auto [status, count] = source.read(records);
    if (status == RecordSource::Status::kEnd) break;
    outcome.packets += count;
    for (std::size_t i = 0; i < count; ++i) {
      outcome.bytes += records[i].capLength;
      outcome.digest += static_cast<std::uint64_t>(records[i].timeNs);
    }
  }
  return outcome;
}

Outcome extract(const std::string& path, InputMethod method) {
  ExtractOptions options;
  options.inputMethod = method;
  const BatchLayout layout(1024);
  static std::vector<std::byte> storage(layout.totalBytes + 64);
  std::byte* const aligned =
      storage.data() + (64 - reinterpret_cast<std::uintptr_t>(storage.data()) % 64) % 64;
  const std::atomic<bool> stop{false};
  Extractor extractor({path}, options);
  Outcome outcome;
  while (!extractor.done()) {
    const std::size_t rows =
        extractor.next(layout, {aligned, layout.totalBytes}, std::uint64_t{8} << 20, stop);
    // Row by row: how rows are dealt into batches depends on how far the input has read ahead.
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t i = 0; i < kImageBytes; i += 97)
        outcome.digest = outcome.digest * 31 + static_cast<std::uint64_t>(aligned[row * kImageBytes + i]);
  }
  outcome.packets = extractor.summary().packets;
  outcome.bytes = extractor.summary().source.bytesRead;
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

}  // namespace

int main(int argc, char** argv) {
  std::size_t rounds = 5;
  std::string path;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--rounds") rounds = std::max<std::size_t>(1, std::stoul(value));
    if (name == "--capture") path = value;
  }
  if (path.empty()) {
    std::fprintf(stderr, "usage: flowglyph_input_bench --capture PATH [--rounds N]\n");
    return 2;
  }

  const struct {
    const char* name;
    Outcome (*work)(const std::string&, InputMethod);
  } ways[] = {{"walk", walk}, {"whole", extract}};
  const double gigabytes = static_cast<double>(std::filesystem::file_size(path)) / 1e9;
  std::printf("{\"gigabytes\":%.3f,\"rounds\":%zu", gigabytes, rounds);
  for (const auto& [name, work] : ways) {
    const Outcome read = work(path, InputMethod::kRead);
    if (read != work(path, InputMethod::kMap)) {
      std::fprintf(stderr, "%s: reading and mapping differ\n", name);
      return 1;
    }
    std::array<std::vector<double>, 2> times;
    for (std::size_t round = 0; round < rounds; ++round)
      for (const InputMethod method : {InputMethod::kRead, InputMethod::kMap})
        times[static_cast<std::size_t>(method)].push_back(seconds([&] { work(path, method); }));
    for (std::size_t m = 0; m < 2; ++m)
      std::printf(",\"%s%sPacketsPerSecond\":%.0f,\"%s%sGigabytesPerSecond\":%.2f", name,
                  m == 0 ? "Read" : "Map", static_cast<double>(read.packets) / median(times[m]), name,
                  m == 0 ? "Read" : "Map", gigabytes / median(times[m]));
  }
  std::printf("}\n");
  return 0;
}
