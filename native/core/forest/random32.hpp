// The random numbers of a tree: xoshiro128** (Blackman and Vigna, Scrambled linear pseudorandom number
// generators, 2021), 32-bit throughout, so that a plain twin in another language draws the same ones.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace flowglyph {

class Random32 {
 public:
  // One stream for each seed and tree.
  Random32(std::uint64_t seed, std::uint32_t stream) {
    const auto high = static_cast<std::uint32_t>(seed >> 32);
    std::uint32_t mixed = mix(mix(mix(static_cast<std::uint32_t>(seed)) ^ high) ^ stream);
    for (std::uint32_t& word : state_) word = mixed = mix(mixed);
  }

  // Below `bound`, which is at least 1. The product's upper half (Lemire 2019) without its correction: of
  // bounds up to 784 no value is more than 784 / 2^32 likelier than another.
  std::uint32_t below(std::uint32_t bound) { return draw(bound).place; }

  // The same, and what it leaves of the number: a fraction in 2^32nds, one of about 2^32 / bound equally far
  // apart, whatever the place.
  struct Draw {
    std::uint32_t place;
    std::uint32_t rest;
  };
  Draw draw(std::uint32_t bound) {
    const std::uint64_t product = std::uint64_t{next()} * bound;
    return {static_cast<std::uint32_t>(product >> 32), static_cast<std::uint32_t>(product)};
  }

 private:
  std::uint32_t next() {
    const std::uint32_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint32_t shifted = state_[1] << 9;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 11);
    return result;
  }

  // MurmurHash3's finalizer, after a step that moves 0: neighbouring seeds must not give neighbouring states.
  static std::uint32_t mix(std::uint32_t value) {
    value += 0x9e3779b9U;
    value = (value ^ (value >> 16)) * 0x85ebca6bU;
    value = (value ^ (value >> 13)) * 0xc2b2ae35U;
    return value ^ (value >> 16);
  }

  std::array<std::uint32_t, 4> state_{};
};

}  // namespace flowglyph
