// Writes the seeds of a fuzz target into a folder, a file each.
//   flowglyph_fuzz_seeds TARGET FOLDER
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "support/seeds.hpp"

int main(int count, char** arguments) {
  if (count != 3) {
    std::fprintf(stderr, "usage: %s TARGET FOLDER\n", arguments[0]);
    return 2;
  }
  const std::filesystem::path folder = arguments[2];
  std::filesystem::create_directories(folder);
  const auto seeds = flowglyph::fuzz::seedsFor(arguments[1]);
  for (const auto& seed : seeds) {
    std::ofstream file(folder / seed.name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(seed.bytes.data()),
               static_cast<std::streamsize>(seed.bytes.size()));
    if (!file.flush()) {
      std::fprintf(stderr, "cannot write %s\n", (folder / seed.name).c_str());
      return 1;
    }
  }
  std::printf("%zu seeds in %s\n", seeds.size(), folder.c_str());
  return seeds.empty() ? 1 : 0;
}
