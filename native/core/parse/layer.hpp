// What a packet is made of, for `inspect`: one bit a layer that the parser went through, also of packets that
// it then skipped.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace flowglyph {

enum class Layer : std::uint8_t {
  kVlan,
  kMpls,
  kPseudowire,
  kPppoe,
  kPpp,
  kLlcSnap,
  kIpv4,
  kIpv6,
  kIpOptions,  // IPv4 options, IPv6 extension headers
  kFragment,
  kIpInIp,  // from here the tunnels, in the order of Tunnel
  k6in4,
  kTeredo,
  kGre,
  kErspan,
  kNvgre,
  kVxlan,
  kVxlanGpe,
  kGeneve,
  kGtpU,
  kL2tp,
  kTcp,
  kUdp,
  kIcmp,
  kIcmpV6,
  kSctp,
  kEsp,
  kAh,
  kOtherTransport,
};

inline constexpr std::array<std::string_view, 29> kLayerNames = {
    "vlan",      "mpls",     "pseudowire", "pppoe", "ppp",           "llcSnap", "ipv4",   "ipv6",
    "ipOptions", "fragment", "ipip",       "6in4",  "teredo",        "gre",     "erspan", "nvgre",
    "vxlan",     "vxlanGpe", "geneve",     "gtpu",  "l2tp",          "tcp",     "udp",    "icmp",
    "icmpv6",    "sctp",     "esp",        "ah",    "otherTransport"};
inline constexpr std::size_t kLayers = kLayerNames.size();
static_assert(static_cast<std::size_t>(Layer::kOtherTransport) + 1 == kLayers);

using LayerSet = std::uint32_t;
constexpr LayerSet layerBit(Layer layer) { return LayerSet{1} << static_cast<unsigned>(layer); }

// Counts sets of layers. Traffic has few different ones: a small cache keeps counting to one increment.
class LayerTally {
 public:
  void add(LayerSet layers) {
    Entry& entry = cache_[(layers * 0x9E3779B1u) >> 28];
    if (entry.layers != layers) spill(entry, layers);
    ++entry.records;
  }
  // Records that held each layer.
  std::array<std::uint64_t, kLayers> totals() const;

 private:
  struct Entry {
    LayerSet layers = 0;
    std::uint64_t records = 0;
  };
  void spill(Entry& entry, LayerSet next);

  std::array<Entry, 16> cache_{};
  std::array<std::uint64_t, kLayers> totals_{};
};

}  // namespace flowglyph
