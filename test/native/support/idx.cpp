#include "idx.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace flowglyph::test {

std::string dataFolder() {
  for (const char* name : {"FLOWGLYPH_DATA", "FLOWGLYPH_DATA_DEFAULT"}) {
    const char* folder = std::getenv(name);
    if (folder != nullptr && std::filesystem::is_directory(folder)) return folder;
  }
  return "";
}

ByteVector readIdx(const std::string& path) {
  // gzip is on every Debian; a zlib only for this would be one more thing to install.
  const std::string command = "gzip -dc '" + path + "'";
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
  ByteVector bytes;
  std::uint8_t block[65536];
  while (const std::size_t got = std::fread(block, 1, sizeof block, pipe))
    bytes.insert(bytes.end(), block, block + got);
  // 0, 0, type 8 (unsigned byte), number of dimensions, then a u32 a dimension
  if (::pclose(pipe) != 0 || bytes.size() < 4 || bytes[2] != 8 || bytes.size() < 4 + 4u * bytes[3])
    throw std::runtime_error(path + ": expected a gzipped IDX file of unsigned bytes");
  bytes.erase(bytes.begin(), bytes.begin() + 4 + 4 * bytes[3]);
  return bytes;
}

}  // namespace flowglyph::test
