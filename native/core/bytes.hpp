// Loads and stores of integers in a stated byte order, from bytes of any alignment.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

namespace flowglyph {

using Bytes = std::span<const std::uint8_t>;

inline std::uint16_t byteSwap(std::uint16_t v) { return __builtin_bswap16(v); }
inline std::uint32_t byteSwap(std::uint32_t v) { return __builtin_bswap32(v); }
inline std::uint64_t byteSwap(std::uint64_t v) { return __builtin_bswap64(v); }

// In the machine's own order.
template <typename T>
inline T loadNative(const std::uint8_t* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

template <typename T>
inline T loadBig(const std::uint8_t* p) {
  const T v = loadNative<T>(p);
  return std::endian::native == std::endian::little ? byteSwap(v) : v;
}

template <typename T>
inline T loadLittle(const std::uint8_t* p) {
  const T v = loadNative<T>(p);
  return std::endian::native == std::endian::little ? v : byteSwap(v);
}

// Capture files come in both orders: `bigEndian` is the file's (or section's).
template <typename T>
inline T load(const std::uint8_t* p, bool bigEndian) {
  return bigEndian ? loadBig<T>(p) : loadLittle<T>(p);
}

template <typename T>
inline void storeBig(std::uint8_t* p, T v) {
  if constexpr (std::endian::native == std::endian::little) v = byteSwap(v);
  std::memcpy(p, &v, sizeof v);
}

}  // namespace flowglyph
