// Runs a fuzz target without libFuzzer: over the seeds, seeded mutations of them, and the files and folders
// named. For the ordinary test run, and to look at one input with a debugger.
//   flowglyph_replay_TARGET [--seeds NAME] [--mutations COUNT] [PATH...]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "support/seeds.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using flowglyph::fuzz::Seed;
using flowglyph::test::ByteVector;

// In a heap buffer of its own exact size, as libFuzzer hands inputs over.
void runOne(const ByteVector& input) {
  const ByteVector exact(input.begin(), input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

void mutate(ByteVector& bytes, const std::vector<Seed>& seeds, std::mt19937_64& random) {
  for (std::uint64_t times = 1 + random() % 8; times > 0; --times) {
    if (bytes.empty()) bytes.push_back(static_cast<std::uint8_t>(random()));
    const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(random() % bytes.size());
    switch (random() % 7) {
      case 0:
        *at = static_cast<std::uint8_t>(random());
        break;
      case 1:
        *at = static_cast<std::uint8_t>(*at ^ 1u << random() % 8);
        break;
      case 2:
        *at = 0xFF;
        break;
      case 3:
        bytes.erase(at, at + static_cast<std::ptrdiff_t>(
                                 std::min<std::uint64_t>(1 + random() % 8, std::uint64_t(bytes.end() - at))));
        break;
      case 4:
        bytes.insert(at, 1 + random() % 4, static_cast<std::uint8_t>(random()));
        break;
      case 5:
        bytes.erase(at, bytes.end());
        break;
      default: {  // a piece of another seed
        const ByteVector& other = seeds[random() % seeds.size()].bytes;
        if (other.empty()) break;
        const std::size_t from = random() % other.size();
        const std::size_t count = std::min<std::size_t>(
            {random() % 64, other.size() - from, static_cast<std::size_t>(bytes.end() - at)});
        std::copy_n(other.begin() + static_cast<std::ptrdiff_t>(from), count, at);
      }
    }
  }
}

std::vector<std::filesystem::path> filesIn(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return {path};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
    if (entry.is_regular_file() && entry.path().extension() != ".md") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

int main(int count, char** arguments) {
  std::size_t runs = 0, files = 0;
  std::uint64_t mutations = 0;
  std::vector<Seed> seeds;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    if (argument == "--seeds" && i + 1 < count) {
      seeds = flowglyph::fuzz::seedsFor(arguments[++i]);
      if (seeds.empty()) {
        std::fprintf(stderr, "no seeds for %s\n", arguments[i]);
        return 2;
      }
      continue;
    }
    if (argument == "--mutations" && i + 1 < count) {
      mutations = std::strtoull(arguments[++i], nullptr, 10);
      continue;
    }
    if (!std::filesystem::exists(argument)) {
      std::fprintf(stderr, "expected a file or folder, received %s\n", argument.c_str());
      return 2;
    }
    for (const std::filesystem::path& path : filesIn(argument)) {
      std::fprintf(stderr, "%s\n", path.c_str());
      std::ifstream file(path, std::ios::binary);
      runOne(ByteVector(std::istreambuf_iterator<char>(file), {}));
      ++files;
    }
  }
  for (const Seed& seed : seeds) runOne(seed.bytes), ++runs;
  std::mt19937_64 random(20'260'101);
  for (std::uint64_t i = 0; i < mutations && !seeds.empty(); ++i) {
    ByteVector bytes = seeds[random() % seeds.size()].bytes;
    mutate(bytes, seeds, random);
    runOne(bytes);
    ++runs;
  }
  std::printf("%zu files, %zu seeds and mutations of them: clean\n", files, runs);
  return 0;
}
