// The identity of a session: protocol and two endpoints in an order that does not depend on who sends.
#pragma once

#include <array>
#include <cstdint>

namespace flowglyph {

// Two endpoints, the lower (address, port) first.
//   words[0..1]  address of the low endpoint as in the packet (IPv4: its 4 bytes, then zeros)
//   words[2..3]  address of the high endpoint
//   words[4]     low port | high port << 16 | protocol << 32 | IP version << 40
struct SessionKey {
  std::array<std::uint64_t, 5> words;

  std::uint16_t lowPort() const { return static_cast<std::uint16_t>(words[4]); }
  std::uint16_t highPort() const { return static_cast<std::uint16_t>(words[4] >> 16); }
  std::uint8_t protocol() const { return static_cast<std::uint8_t>(words[4] >> 32); }
  std::uint8_t ipVersion() const { return static_cast<std::uint8_t>(words[4] >> 40); }

  bool operator==(const SessionKey& other) const {
    std::uint64_t difference = 0;
    for (std::size_t i = 0; i < words.size(); ++i) difference |= words[i] ^ other.words[i];
    return difference == 0;
  }
};

// Multiply-and-fold of the key xor a secret: 64 x 64 -> 128 bits, upper half xor lower half, per pair of
// words. Why not SipHash: 40 bytes cost it about 5 times as much, and what it guards against, a sender who
// aims packets at one chain, needs the secret here too: it is drawn once a process from the kernel and no
// output ever shows a hash.
class KeyHash {
 public:
  KeyHash();  // the process's secret
  explicit KeyHash(const std::array<std::uint64_t, 6>& secret) : secret_(secret) {}

  std::uint64_t operator()(const SessionKey& key) const {
    const auto& w = key.words;
    const std::uint64_t low = fold(w[0] ^ secret_[0], w[1] ^ secret_[1]);
    const std::uint64_t high = fold(w[2] ^ secret_[2], w[3] ^ secret_[3]);
    return fold(low ^ w[4] ^ secret_[4], high ^ secret_[5]);
  }

 private:
  static std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
    __extension__ using Product = unsigned __int128;
    const Product product = static_cast<Product>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }

  std::array<std::uint64_t, 6> secret_;
};

// Which shard a key belongs to. The index of a shard goes by the lower bits of the hash.
inline std::size_t shardOf(std::uint64_t hash, std::size_t shards) { return (hash >> 48) * shards >> 16; }

}  // namespace flowglyph
