// Which IP protocols become sessions.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace flowglyph {

// https://www.iana.org/assignments/protocol-numbers
inline constexpr std::uint8_t kIcmp = 1, kIgmp = 2, kTcp = 6, kUdp = 17, kDccp = 33, kGreProtocol = 47,
                              kEsp = 50, kAh = 51, kIcmpV6 = 58, kSctp = 132, kUdpLite = 136;

// The names that `--protocols` and the results know; every other protocol goes by its number. The same list
// as in src/capture/names.ts.
struct NamedProtocol {
  std::string_view name;
  std::uint8_t number;
};
inline constexpr std::array<NamedProtocol, 11> kNamedProtocols = {{{"icmp", kIcmp},
                                                                   {"igmp", kIgmp},
                                                                   {"tcp", kTcp},
                                                                   {"udp", kUdp},
                                                                   {"dccp", kDccp},
                                                                   {"gre", kGreProtocol},
                                                                   {"esp", kEsp},
                                                                   {"ah", kAh},
                                                                   {"icmpv6", kIcmpV6},
                                                                   {"sctp", kSctp},
                                                                   {"udplite", kUdpLite}}};

class ProtocolSet {
 public:
  constexpr ProtocolSet() = default;
  constexpr ProtocolSet(std::initializer_list<std::uint8_t> protocols) {
    for (const std::uint8_t protocol : protocols) add(protocol);
  }
  constexpr void add(std::uint8_t protocol) { words_[protocol >> 6] |= std::uint64_t{1} << (protocol & 63); }
  constexpr bool has(std::uint8_t protocol) const {
    return (words_[protocol >> 6] >> (protocol & 63) & 1) != 0;
  }
  constexpr bool operator==(const ProtocolSet&) const = default;

 private:
  std::array<std::uint64_t, 4> words_{};
};

}  // namespace flowglyph
