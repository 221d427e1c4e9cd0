// Compression formats, recognised by how they begin, never by a file's name.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "bytes.hpp"

namespace flowglyph {

// What a decoder may allocate for itself: xz -9 wants 65 MiB, zstd --ultra -22 and --long (27) 128 MiB.
// Streams that ask for more are refused, as one crafted header could otherwise ask for gigabytes.
inline constexpr std::size_t kMaxDecoderBytes = std::size_t{129} << 20;

// Decodes one stream after the other. Throws nothing but std::bad_alloc.
class Decoder {
 public:
  virtual ~Decoder() = default;

  struct Step {
    std::size_t used = 0, made = 0;  // bytes of the input, of the room
    bool ended = false;              // the stream's end was met
    std::string error;               // why it cannot go on: "invalid block type"
  };
  // Decodes what fits. Without input: what the decoder still holds.
  virtual Step decode(Bytes input, std::span<std::uint8_t> room) = 0;
  // Makes ready for another stream.
  virtual void restart() = 0;
};

struct Compression {
  std::string_view name;
  std::string_view remedy;  // what a user does where we have no decoder
  std::array<std::uint8_t, 6> magic;
  std::uint8_t magicBytes;
  std::unique_ptr<Decoder> (*makeDecoder)();  // null: only recognised

  bool matches(Bytes start) const;
};

std::unique_ptr<Decoder> makeGzipDecoder();
std::unique_ptr<Decoder> makeZstdDecoder();
std::unique_ptr<Decoder> makeXzDecoder();

// Null where `start` begins in none of the ways we know.
const Compression* findCompression(Bytes start);

}  // namespace flowglyph
