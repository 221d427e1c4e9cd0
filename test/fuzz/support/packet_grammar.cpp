#include "support/packet_grammar.hpp"

#include <algorithm>

namespace flowglyph::fuzz {
namespace {

using namespace flowglyph::test;

constexpr std::uint16_t kIpv4Type = 0x0800, kIpv6Type = 0x86DD;

bool isIpv6(const ByteVector& ip) { return !ip.empty() && ip[0] >> 4 == 6; }
std::uint16_t etherTypeOf(const ByteVector& ip) { return isIpv6(ip) ? kIpv6Type : kIpv4Type; }
std::uint16_t pppProtocolOf(const ByteVector& ip) { return isIpv6(ip) ? 0x0057 : 0x0021; }

ByteVector joined(ByteVector head, const ByteVector& tail) {
  append(head, tail);
  return head;
}

ByteVector drawn(Draw& draw, std::size_t count) {
  const Bytes bytes = draw.take(count);
  return {bytes.begin(), bytes.end()};
}

// u16 EtherType and what it announces: VLAN tags, MPLS labels, PPPoE, then IP.
ByteVector afterMacs(const ByteVector& ip, Draw& draw) {
  ByteVector out;
  while (draw.oneIn(8) && out.size() < 40) {
    append16(out, draw.oneIn(2) ? 0x88A8 : 0x8100);
    append16(out, draw.u16());
  }
  switch (draw.below(12)) {
    case 9: {  // MPLS: u20 label, u3, u1 bottom of stack, u8 TTL
      append16(out, 0x8847);
      const std::size_t labels = 1 + draw.below(4);
      for (std::size_t i = 1; i <= labels; ++i) append32(out, 0x00010040u | (i == labels ? 0x100u : 0u));
      if (draw.oneIn(4)) {  // pseudowire: control word, Ethernet
        append32(out, 0);
        append(out, ethernet(ip, etherTypeOf(ip)));
        return out;
      }
      return joined(out, ip);
    }
    case 10:  // PPPoE session: version and type, code, session, length, PPP protocol
      append16(out, 0x8864);
      append(out, {0x11, 0, 0, 1});
      append16(out, static_cast<std::uint16_t>(ip.size() + 2));
      append16(out, pppProtocolOf(ip));
      return joined(out, ip);
    case 11:  // 802.3 length, LLC/SNAP
      append16(out, static_cast<std::uint16_t>(std::min<std::size_t>(ip.size() + 8, 1500)));
      append(out, {0xAA, 0xAA, 3, 0, 0, 0});
      append16(out, etherTypeOf(ip));
      return joined(out, ip);
    default:
      append16(out, etherTypeOf(ip));
      return joined(out, ip);
  }
}

// 802.11 data frame: control, duration, three addresses, sequence; QoS control with subtype 8; LLC/SNAP.
ByteVector wireless(const ByteVector& ip, Draw& draw) {
  const bool qos = draw.oneIn(2);
  ByteVector out = {static_cast<std::uint8_t>(qos ? 0x88 : 0x08), static_cast<std::uint8_t>(draw.below(4)), 0,
                    0};
  append(out, filled(20, 1));
  if ((out[1] & 3) == 3) append(out, filled(6, 9));
  if (qos) append(out, {0, 0});
  append(out, {0xAA, 0xAA, 3, 0, 0, 0});
  append16(out, etherTypeOf(ip));
  return joined(out, ip);
}

std::uint32_t address(std::size_t host) { return 0x0A000001 + static_cast<std::uint32_t>(host); }

ByteVector ipAround(std::uint8_t protocol, const ByteVector& payload, bool six, std::size_t from,
                    std::size_t to, Draw& draw) {
  if (six) {
    ByteVector behind = payload;
    std::uint8_t next = protocol;
    if (draw.oneIn(6)) {  // an extension header: next, length, 6 bytes or more
      const std::uint8_t length = static_cast<std::uint8_t>(draw.below(3));
      ByteVector extension = {next, length};
      append(extension, ByteVector(6 + length * std::size_t{8}, 0));
      behind = joined(extension, behind);
      constexpr std::uint8_t kTypes[] = {0, 43, 60, 135};
      next = kTypes[draw.below(4)];
    }
    return ipv6({.source = static_cast<std::uint8_t>(1 + from),
                 .destination = static_cast<std::uint8_t>(1 + to),
                 .nextHeader = next,
                 .payload = behind});
  }
  return ipv4({.source = address(from),
               .destination = address(to),
               .protocol = protocol,
               .options = draw.oneIn(12) ? ByteVector{7, 7, 4, 1, 2, 3, 4, 0} : ByteVector{},
               .payload = payload});
}

// One tunnel around an IP packet.
ByteVector tunnelled(const ByteVector& ip, Draw& draw) {
  const bool six = draw.oneIn(4);
  const ByteVector frame = ethernet(ip, etherTypeOf(ip));
  const auto overUdp = [&](std::uint16_t port, ByteVector header, const ByteVector& inner) {
    return ipAround(17, udp({.destinationPort = port, .payload = joined(std::move(header), inner)}), six, 8,
                    9, draw);
  };
  switch (draw.below(12)) {
    case 0:
      return ipAround(isIpv6(ip) ? 41 : 4, ip, six, 8, 9, draw);
    case 1: {  // GRE with a drawn choice of checksum, key and sequence number
      const auto flags = static_cast<std::uint8_t>(draw.u8() & 0xB0);
      ByteVector gre = {flags, 0};
      append16(gre, etherTypeOf(ip));
      for (const unsigned bit : {0x80, 0x20, 0x10})
        if ((flags & bit) != 0) append32(gre, 1);
      return ipAround(47, joined(gre, ip), six, 8, 9, draw);
    }
    case 2: {  // PPTP: GRE version 1, key (payload length, call), sequence number, PPP
      ByteVector gre = {0x30, 0x01, 0x88, 0x0B};
      append16(gre, static_cast<std::uint16_t>(ip.size() + 4));
      append16(gre, 1);
      append32(gre, 1);
      append(gre, {0xFF, 0x03});
      append16(gre, pppProtocolOf(ip));
      return ipAround(47, joined(gre, ip), six, 8, 9, draw);
    }
    case 3:  // NVGRE: key present, transparent Ethernet
      return ipAround(47, joined({0x20, 0, 0x65, 0x58, 0, 0, 1, 0}, frame), six, 8, 9, draw);
    case 4:  // ERSPAN II: sequence number, 8 bytes
      return ipAround(47, joined({0x10, 0, 0x88, 0xBE, 0, 0, 0, 1, 0x10, 0, 0, 0, 0, 0, 0, 0}, frame), six, 8,
                      9, draw);
    case 5:
      return overUdp(4789, {8, 0, 0, 0, 0, 0, 1, 0}, frame);
    case 6:  // VXLAN-GPE: next protocol 1 IPv4, 2 IPv6, 3 Ethernet
      return overUdp(4790, {0x0C, 0, 0, static_cast<std::uint8_t>(isIpv6(ip) ? 2 : 1), 0, 0, 1, 0}, ip);
    case 7: {  // Geneve with drawn option words
      const std::size_t words = draw.below(4);
      ByteVector header = {static_cast<std::uint8_t>(words), 0, 0x65, 0x58, 0, 0, 1, 0};
      append(header, ByteVector(words * 4, 0));
      return overUdp(6081, header, frame);
    }
    case 8: {  // GTP-U G-PDU, with sequence number when the flag is drawn
      const bool sequence = draw.oneIn(2);
      ByteVector header = {static_cast<std::uint8_t>(sequence ? 0x32 : 0x30), 0xFF};
      append16(header, static_cast<std::uint16_t>(ip.size() + (sequence ? 4 : 0)));
      append32(header, 7);
      if (sequence) append32(header, 0);
      return overUdp(2152, header, ip);
    }
    case 9:
      return overUdp(3544, {}, ip);
    case 10: {  // L2TP version 2 data: flags, tunnel, session, PPP
      ByteVector header = {0x00, 0x02, 0, 1, 0, 1, 0xFF, 0x03};
      append16(header, pppProtocolOf(ip));
      return overUdp(1701, header, ip);
    }
    default:
      return overUdp(static_cast<std::uint16_t>(draw.u16()), drawn(draw, draw.below(16)), ip);
  }
}

ByteVector tcpSegment(Connections& connections, std::size_t connection, bool back, Draw& draw) {
  Tcp fields{.sourcePort = static_cast<std::uint16_t>(40000 + connection), .destinationPort = 443};
  if (back) std::swap(fields.sourcePort, fields.destinationPort);
  std::uint32_t& next = connections.sequence[connection][back ? 1 : 0];
  fields.payload =
      filled(draw.oneIn(3) ? draw.u16() % 1460 : draw.below(64), static_cast<std::uint8_t>(next));
  fields.sequence = next;
  std::uint8_t flags = 0x18;
  switch (draw.below(16)) {
    case 0:
      flags = 0x02;
      break;
    case 1:
      flags = 0x12;
      break;
    case 2:
      flags = 0x11;
      break;
    case 3:
      flags = 0x04;
      break;
    case 4:  // again, or in part
      fields.sequence -= draw.u8();
      break;
    case 5:  // a hole
      fields.sequence += draw.u8();
      break;
    case 6:
      fields.sequence = draw.u32();
      break;
    case 7:
      flags = draw.u8();
      break;
    default:
      break;
  }
  if (draw.oneIn(6)) fields.options = {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8};
  next = fields.sequence + static_cast<std::uint32_t>(fields.payload.size()) + ((flags & 3) != 0 ? 1 : 0);
  ByteVector segment = tcp(fields);
  segment[13] = flags;
  return segment;
}

// Cuts an IPv4 packet without options, or an IPv6 one, at multiples of 8; sometimes twice, overlapping, late.
std::vector<ByteVector> fragmentsOf(const ByteVector& ip, std::uint16_t id, Draw& draw) {
  const bool six = isIpv6(ip);
  const std::size_t header = six ? 40 : 20;
  const Bytes payload = Bytes(ip).subspan(header);
  std::vector<ByteVector> fragments;
  for (std::size_t at = 0; at < payload.size() && fragments.size() < 12;) {
    const std::size_t length = std::min<std::size_t>(8 * (1 + draw.below(16)), payload.size() - at);
    const Bytes part = payload.subspan(at, length);
    const bool more = at + length < payload.size();
    const ByteVector bytes(part.begin(), part.end());
    if (six) {  // next header, reserved, u13 offset and more, u32 identification
      ByteVector extension = {ip[6], 0};
      append16(extension, static_cast<std::uint16_t>(at | (more ? 1 : 0)));
      append32(extension, id);
      fragments.push_back(ipv6(
          {.source = ip[23], .destination = ip[39], .nextHeader = 44, .payload = joined(extension, bytes)}));
    } else {
      fragments.push_back(ipv4({.source = address(0),
                                .destination = address(1),
                                .protocol = ip[9],
                                .id = id,
                                .flagsAndOffset = static_cast<std::uint16_t>(at / 8 | (more ? 0x2000 : 0)),
                                .payload = bytes}));
    }
    if (!draw.oneIn(10)) at += length;       // or the same bytes again
    if (draw.oneIn(16) && at >= 8) at -= 8;  // or overlapping
    if (draw.oneIn(16)) at += 8;             // or a hole
  }
  for (std::size_t swaps = draw.below(4); swaps > 0 && fragments.size() > 1; --swaps)
    std::swap(fragments[draw.below(fragments.size())], fragments[draw.below(fragments.size())]);
  return fragments;
}

}  // namespace

ByteVector frameAround(std::uint16_t linktype, const ByteVector& ip, Draw& draw) {
  ByteVector out;
  switch (linktype) {
    case 1:
      return joined(filled(12, 0xD0), afterMacs(ip, draw));
    case 0:
    case 108:
      return joined({static_cast<std::uint8_t>(isIpv6(ip) ? 30 : 2), 0, 0, 0}, ip);
    case 6:   // token ring: control, addresses, LLC/SNAP
    case 10:  // FDDI
      out = filled(linktype == 6 ? 14 : 13, 0x10);
      if (linktype == 10) out[0] = 0x50;
      append(out, {0xAA, 0xAA, 3, 0, 0, 0});
      append16(out, etherTypeOf(ip));
      return joined(out, ip);
    case 9:
    case 50:
      if (draw.oneIn(2)) out = {0xFF, 0x03};
      append16(out, pppProtocolOf(ip));
      return joined(out, ip);
    case 51:
      out = {0x11, 0, 0, 1};
      append16(out, static_cast<std::uint16_t>(ip.size() + 2));
      append16(out, pppProtocolOf(ip));
      return joined(out, ip);
    case 104:  // Cisco HDLC: address, control, EtherType
      out = {0x0F, 0x00};
      return joined(out, afterMacs(ip, draw));
    case 105:
      return wireless(ip, draw);
    case 127: {  // radiotap: version, pad, u16 little-endian length, u32 present
      const auto extra = static_cast<std::uint8_t>(draw.below(16));
      out = {0, 0, static_cast<std::uint8_t>(8 + extra), 0, 0, 0, 0, 0};
      out.resize(out.size() + extra);
      return joined(out, wireless(ip, draw));
    }
    case 192:  // PPI: version, flags, u16 little-endian length, u32 little-endian link type
      out = {0, 0, 8, 0, 105, 0, 0, 0};
      return joined(out, wireless(ip, draw));
    case 107:  // Frame Relay: 2 bytes of address, Q.922 control, NLPID
      out = {0x18, 0x41, 0x03, static_cast<std::uint8_t>(isIpv6(ip) ? 0x8E : 0xCC)};
      return joined(out, ip);
    case 113:
      return joined(filled(14, 1), afterMacs(ip, draw));
    case 219:  // MPLS
      append32(out, 0x00010140);
      return joined(out, ip);
    case 242:  // IP over InfiniBand: 40 bytes of routing header, EtherType, reserved
      out = filled(40, 1);
      append16(out, etherTypeOf(ip));
      append16(out, 0);
      return joined(out, ip);
    case 276:
      append16(out, etherTypeOf(ip));
      return joined(joined(out, filled(18, 1)), ip);
    default:
      return ip;
  }
}

std::vector<ByteVector> ipPackets(Connections& connections, Draw& draw) {
  const std::size_t connection = draw.below(16), kind = draw.below(16);
  const bool back = draw.oneIn(2), six = connection % 4 == 3;
  const std::size_t from = back ? 1 : 0, to = back ? 0 : 1;
  ByteVector ip;
  if (kind < 9) {
    ip = ipAround(6, tcpSegment(connections, connection, back, draw), six, from, to, draw);
  } else if (kind < 11) {
    Udp fields{.sourcePort = static_cast<std::uint16_t>(5000 + connection),
               .destinationPort = 53,
               .payload = filled(draw.u8(), 1)};
    if (back) std::swap(fields.sourcePort, fields.destinationPort);
    ip = ipAround(17, udp(fields), six, from, to, draw);
  } else if (kind < 13) {
    constexpr std::uint8_t kOthers[] = {1, 58, 132, 50, 51, 47, 2, 33, 136, 103};
    const std::uint8_t protocol = kOthers[draw.below(10)];
    ip = ipAround(protocol, drawn(draw, draw.below(48)), six, from, to, draw);
  } else if (kind < 15) {
    const ByteVector whole =
        six ? ipv6({.nextHeader = 17, .payload = udp({.payload = filled(draw.u16() % 2000, 3)})})
            : ipv4({.protocol = 17, .payload = udp({.payload = filled(draw.u16() % 2000, 3)})});
    if (!draw.oneIn(6)) ++connections.fragmentId;  // or one number for two datagrams
    return fragmentsOf(whole, connections.fragmentId, draw);
  } else {
    ip = drawn(draw, draw.below(100));
  }
  for (unsigned depth = 0; depth < 10 && draw.oneIn(5) && ip.size() < 4000; ++depth) ip = tunnelled(ip, draw);
  return {ip};
}

}  // namespace flowglyph::fuzz
