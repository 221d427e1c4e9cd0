// The soak: every capture as it is and damaged in every way of soak/damage.hpp, through the whole engine,
// with views, masks, orders, tunnels and every other option varied; and each time once more another way
// (threads, mapped, scalar, through a pipe in pieces, row by row), which has to give the same bytes. Built
// with sanitizers. Ends when every capture had all its passes, or when the time is up.
//   flowglyph_soak [--seconds N] [--passes N] [--seed N] [--found FOLDER] [--own] [PATH...]
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "soak/boundaries.hpp"
#include "soak/damage.hpp"
#include "soak/feeder.hpp"
#include "soak/watch.hpp"
#include "support/check.hpp"
#include "support/extraction.hpp"
#include "support/memory_file.hpp"
#include "support/seeds.hpp"

namespace {

using namespace flowglyph;
using namespace flowglyph::fuzz;
using test::ByteVector;

// A capture of ours takes milliseconds; a machine may be busy.
constexpr unsigned kHangSeconds = 120;
constexpr std::size_t kPlainCombinations = 36;  // views x masks x orders x all tunnels or none
constexpr std::size_t kCombinationsPerPass = 4;

constexpr std::array<const char*, 6> kWays = {"2 threads", "4 threads", "mapped",
                                              "scalar",    "pipe",      "row by row"};

struct Counts {
  std::uint64_t captures = 0, variants = 0, runs = 0, records = 0, rows = 0;
  std::array<std::uint64_t, kWays.size()> ways{};
};

struct Arguments {
  double seconds = 3600;
  std::uint64_t passes = kPlainCombinations / kCombinationsPerPass, seed = 1;
  std::filesystem::path found = "build/soak-found";
  std::vector<Seed> captures;
};

ByteVector contentOf(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return ByteVector(std::istreambuf_iterator<char>(file), {});
}

void addPath(Arguments& arguments, const std::filesystem::path& path) {
  constexpr std::uintmax_t kMostBytes = 8 << 20;
  std::vector<std::filesystem::path> files;
  if (std::filesystem::is_directory(path)) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
      if (entry.is_regular_file() && entry.file_size() <= kMostBytes) files.push_back(entry.path());
  } else {
    files.push_back(path);
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) arguments.captures.push_back({file.string(), contentOf(file)});
}

// Number `index` of the plain combinations, with everything else at its default.
ExtractOptions combination(std::size_t index) {
  ExtractOptions options;
  options.view = static_cast<View>(index % 3);
  options.mask = static_cast<Mask>(index / 3 % 3);
  options.order = static_cast<Order>(index / 9 % 2);
  if (index / 18 % 2 == 1) options.decap = 0;
  return options;
}

ExtractOptions randomOptions(std::mt19937_64& random) {
  std::array<std::uint8_t, 16> bytes;
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  Draw draw(bytes);
  return drawOptions(draw);
}

Extraction extractAnotherWay(Bytes capture, const MemoryFile& file, ExtractOptions options, std::size_t way,
                             std::mt19937_64& random) {
  switch (way) {
    case 0:
    case 1:
      options.threads = way == 0 ? 2 : 4;
      break;
    case 2:
      options.inputMethod = InputMethod::kMap;
      break;
    case 3: {
      ::setenv("FLOWGLYPH_SIMD", "scalar", 1);
      Extraction extraction = extractAll({file.path()}, options);
      ::unsetenv("FLOWGLYPH_SIMD");
      return extraction;
    }
    case 4: {
      const Feeder feeder(capture, 1 + random() % 700);
      return extractAll({feeder.path()}, options, {.live = true});
    }
    default:
      return extractAll({file.path()}, options, {1, 1});
  }
  return extractAll({file.path()}, options);
}

void soakOne(const std::string& what, const ByteVector& capture, const ExtractOptions& options,
             std::mt19937_64& random, Counts& counts) {
  const std::size_t way = counts.runs % kWays.size();
  watchCase(what + ": " + describe(options) + "; then " + kWays[way], capture, kHangSeconds);
  const MemoryFile file(capture);
  const Extraction expected = extractAll({file.path()}, options);
  checkSame(expected, extractAnotherWay(capture, file, options, way, random));
  ++counts.runs;
  ++counts.ways[way];
  counts.records += expected.summary.packets;
  counts.rows += expected.rows;
}

void soakCapture(const Seed& capture, std::size_t firstCombination, std::mt19937_64& random, Counts& counts) {
  for (std::size_t i = 0; i < kCombinationsPerPass; ++i)
    soakOne(capture.name + ", as it is", capture.bytes, combination(firstCombination + i), random, counts);
  watchCase(capture.name + ", being damaged", capture.bytes, kHangSeconds);
  const auto variants = damagedVariants(capture.bytes, shapeOf(capture.bytes), random);
  for (const Variant& variant : variants)
    soakOne(capture.name + ", " + variant.what, variant.bytes, randomOptions(random), random, counts);
  counts.variants += variants.size();
  ++counts.captures;
}

bool parse(int count, char** given, Arguments& arguments) {
  for (int i = 1; i < count; ++i) {
    const std::string argument = given[i];
    if (argument == "--own") {
      for (Seed& seed : sampleCaptures()) arguments.captures.push_back(std::move(seed));
      arguments.captures.push_back(longCapture());
    } else if (argument.starts_with("--")) {
      if (i + 1 == count) return false;
      const std::string value = given[++i];
      if (argument == "--seconds") {
        arguments.seconds = std::stod(value);
      } else if (argument == "--passes") {
        arguments.passes = std::stoull(value);
      } else if (argument == "--seed") {
        arguments.seed = std::stoull(value);
      } else if (argument == "--found") {
        arguments.found = value;
      } else {
        return false;
      }
    } else if (std::filesystem::exists(argument)) {
      addPath(arguments, argument);
    } else {
      std::fprintf(stderr, "soak: expected a file or folder, received %s\n", argument.c_str());
      return false;
    }
  }
  return !arguments.captures.empty();
}

}  // namespace

int main(int count, char** given) {
  Arguments arguments;
  if (!parse(count, given, arguments)) {
    std::fprintf(stderr,
                 "usage: %s [--seconds N] [--passes N] [--seed N] [--found FOLDER] [--own] [PATH...]\n",
                 given[0]);
    return 2;
  }
  startWatch(arguments.found);
  using Clock = std::chrono::steady_clock;
  const auto started = Clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(Clock::now() - started).count(); };
  std::mt19937_64 random(arguments.seed);
  Counts counts;
  std::uint64_t pass = 0;
  for (; pass < arguments.passes && seconds() < arguments.seconds; ++pass) {
    // Another order each time: whatever the time allows, no capture is always the last.
    std::shuffle(arguments.captures.begin(), arguments.captures.end(), random);
    for (const Seed& capture : arguments.captures) {
      if (seconds() >= arguments.seconds) break;
      soakCapture(capture, pass * kCombinationsPerPass + arguments.seed, random, counts);
    }
  }
  watchCase("nothing", {}, 0);
  std::printf(
      "soak: clean. %zu captures, %llu passes begun, %llu times a capture, %llu damaged ones, "
      "%llu comparisons, %llu records, %llu sessions in %.0f s, seed %llu\n",
      arguments.captures.size(), static_cast<unsigned long long>(pass),
      static_cast<unsigned long long>(counts.captures), static_cast<unsigned long long>(counts.variants),
      static_cast<unsigned long long>(counts.runs), static_cast<unsigned long long>(counts.records),
      static_cast<unsigned long long>(counts.rows), seconds(),
      static_cast<unsigned long long>(arguments.seed));
  for (std::size_t i = 0; i < kWays.size(); ++i)
    std::printf("soak:   %llu against %s\n", static_cast<unsigned long long>(counts.ways[i]), kWays[i]);
  return counts.runs > 0 ? 0 : 1;
}
