#include "parse/session_key.hpp"

#include <sys/random.h>

#include <chrono>

namespace flowglyph {
namespace {

std::array<std::uint64_t, 6> drawSecret() {
  std::array<std::uint64_t, 6> secret;
  if (::getrandom(secret.data(), sizeof secret, 0) != static_cast<ssize_t>(sizeof secret)) {
    // Only kernels before 3.17 lack getrandom. The layout of memory and the time are the next best.
    std::uint64_t state =
        reinterpret_cast<std::uintptr_t>(&secret) ^
        static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
    for (auto& word : secret) {  // SplitMix64
      std::uint64_t z = (state += 0x9E3779B97F4A7C15u);
      z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
      z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
      word = z ^ (z >> 31);
    }
  }
  return secret;
}

}  // namespace

KeyHash::KeyHash() {
  static const std::array<std::uint64_t, 6> kSecret = drawSecret();
  secret_ = kSecret;
}

}  // namespace flowglyph
