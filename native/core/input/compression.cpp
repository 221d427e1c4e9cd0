#include "input/compression.hpp"

#include <algorithm>

namespace flowglyph {
namespace {

constexpr std::array<Compression, 8> kCompressions = {{
    {"gzip", {}, {0x1f, 0x8b, 8}, 3, makeGzipDecoder},            // RFC 1952 2.3; 8: deflate
    {"zstd", {}, {0x28, 0xb5, 0x2f, 0xfd}, 4, makeZstdDecoder},   // RFC 8878 3.1.1
    {"xz", {}, {0xfd, '7', 'z', 'X', 'Z', 0}, 6, makeXzDecoder},  // xz-file-format 2.1.1.1
    {"bzip2", "bunzip2", {'B', 'Z', 'h'}, 3, nullptr},
    {"lz4", "unlz4", {0x04, 0x22, 0x4d, 0x18}, 4, nullptr},
    {"zip", "unzip", {'P', 'K', 3, 4}, 4, nullptr},
    {"7z", "7z x", {'7', 'z', 0xbc, 0xaf, 0x27, 0x1c}, 6, nullptr},
    {"compress", "uncompress", {0x1f, 0x9d}, 2, nullptr},
}};
constexpr const Compression& kZstd = kCompressions[1];

// RFC 8878 3.1.2: 184D2A50 to 184D2A5F, little-endian. Such a frame may come first.
bool isSkippableFrame(Bytes start) {
  return start.size() >= 4 && (start[0] & 0xf0) == 0x50 && start[1] == 0x2a && start[2] == 0x4d &&
         start[3] == 0x18;
}

}  // namespace

bool Compression::matches(Bytes start) const {
  if (this == &kZstd && isSkippableFrame(start)) return true;
  return start.size() >= magicBytes && std::equal(magic.begin(), magic.begin() + magicBytes, start.begin());
}

const Compression* findCompression(Bytes start) {
  const auto* const found = std::find_if(kCompressions.begin(), kCompressions.end(),
                                         [&](const Compression& c) { return c.matches(start); });
  return found == kCompressions.end() ? nullptr : found;
}

}  // namespace flowglyph
