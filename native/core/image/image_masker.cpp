#include "image/image_masker.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "input/capture_reader.hpp"
#include "parse/ipv6_extensions.hpp"
#include "parse/tunnel/tunnel_decoders.hpp"
#include "task_team.hpp"

namespace flowglyph {
namespace {

constexpr std::size_t kFileHeaderBytes = 24, kRecordHeaderBytes = 16;
// How much of a packet must be there for it to be clear whether a tunnel is in it: the tunnel's header and
// the inner IP header.
constexpr std::size_t kTunnelShows = 128;

bool allZero(const std::uint8_t* bytes, std::size_t length) {
  return std::all_of(bytes, bytes + length, [](std::uint8_t byte) { return byte == 0; });
}

// Whether the walk would have looked for a tunnel there. Ports that are cut off are 0.
bool mayBeTunnel(const Packet& packet, TunnelSet decap) {
  if (decap == 0) return false;
  switch (packet.protocol()) {
    case kUdp: {
      const std::uint8_t* udp = packet.record.data + packet.transportOffset;
      return kTunnelPorts.maybe(loadBig<std::uint16_t>(udp)) ||
             kTunnelPorts.maybe(loadBig<std::uint16_t>(udp + 2));
    }
    case 4:  // IPv4 in IP
    case 41:
    case kGreProtocol:
    case 115:  // L2TP
      return true;
    default:
      return false;
  }
}

}  // namespace

MaskCounts& MaskCounts::operator+=(const MaskCounts& other) {
  for (std::size_t i = 0; i < images.size(); ++i) images[i] += other.images[i];
  packets += other.packets;
  cutPackets += other.cutPackets;
  undecidedTunnels += other.undecidedTunnels;
  for (std::size_t i = 0; i < hidden.size(); ++i) hidden[i] += other.hidden[i];
  return *this;
}

ImageMasker::ImageMasker(const MaskOptions& options, const ImageKernel& kernel)
    : options_(options),
      // Images of view l3 begin with the innermost IP header that sessions were made of.
      parse_{options.view == View::kPcap ? options.decap : 0, options.protocols, false},
      kernel_(kernel),
      headers_(options.view, options.mask) {}

MaskOutcome ImageMasker::mask(std::uint8_t* image) {
  MaskOutcome outcome = MaskOutcome::kMasked;
  if (options_.mask != Mask::kNone && options_.view != View::kL7) {
    std::memcpy(bytes_.data(), image, kImageBytes);
    image_ = image;
    hiddenHere_ = false;
    tunnelDepth_ = 0;
    outcome = options_.view == View::kPcap ? maskPcap() : maskL3();
  }
  ++counts_.images[static_cast<std::size_t>(outcome)];
  return outcome;
}

MaskOutcome ImageMasker::maskPcap() {
  if (allZero(bytes_.data(), kFileHeaderBytes)) return MaskOutcome::kMaskedBefore;
  const auto magic = loadBig<std::uint32_t>(bytes_.data());
  const bool bigEndian = magic == 0xa1b2c3d4 || magic == 0xa1b23c4d;
  const auto number = load<std::uint32_t>(bytes_.data() + 20, bigEndian);
  // The upper half holds the length of the frame check sequence and reserved bits.
  const auto linktype = static_cast<std::uint16_t>(number);
  const Linktype* row = findLinktype(linktype);
  if ((!bigEndian && magic != 0xd4c3b2a1 && magic != 0x4d3cb2a1) || row == nullptr) {
    zeroFrom(0);
    return MaskOutcome::kUnreadable;
  }
  const std::uint32_t limit = std::clamp<std::uint32_t>(load<std::uint32_t>(bytes_.data() + 16, bigEndian),
                                                        std::uint32_t{256} << 10, kMaxRecordBytes);
  std::memset(image_, 0, kFileHeaderBytes);
  for (std::size_t at = kFileHeaderBytes; at < kImageBytes;) {
    const std::uint8_t* header = bytes_.data() + at;
    if (kImageBytes - at <= kRecordHeaderBytes) {
      zeroFrom(at);  // at most a record header: no byte of it stays
      break;
    }
    if (allZero(header, kRecordHeaderBytes)) {
      if (!anyFrom(at)) break;
      zeroFrom(at);
      return MaskOutcome::kBrokenOff;
    }
    const auto capLength = load<std::uint32_t>(header + 8, bigEndian);
    if (capLength > limit) {
      zeroFrom(at);
      return MaskOutcome::kBrokenOff;
    }
    std::memset(image_ + at, 0, kRecordHeaderBytes);
    at += kRecordHeaderBytes;
    if (capLength == 0) continue;
    maskFrame(at, capLength, load<std::uint32_t>(header + 12, bigEndian), linktype, *row);
    at += capLength;
  }
  return finished();
}

void ImageMasker::maskFrame(std::size_t at, std::uint64_t length, std::uint32_t wireLength,
                            std::uint16_t linktype, const Linktype& row) {
  const std::size_t visible = std::min<std::uint64_t>(length, kImageBytes - at);
  const bool cut = visible < length;
  const std::uint8_t* frame = bytes_.data() + at;
  Record record{};
  record.data = frame;
  record.capLength = static_cast<std::uint32_t>(std::min<std::uint64_t>(length, kRoom - at));
  record.origLength = wireLength;
  record.linktype = linktype;
  Packet packet;
  SkipReason reason = parsePacket(record, &row, parse_, packet);
  if (reason != SkipReason::kNone && cut) {
    // Does it say so itself, or is it what is missing?
    LinkNotes notes;
    const LinkResult link = row.findIp({frame, visible}, 0, notes);
    if (link.reason == SkipReason::kTruncatedHeader) {
      apply(at, visible, headers_.patternOfLink({frame, record.capLength}, row, visible));
      ++counts_.packets;
      ++counts_.cutPackets;
      return;
    }
    Record shown = record;
    shown.capLength = static_cast<std::uint32_t>(visible);
    reason = parsePacket(shown, &row, parse_, packet);
    // Of a tunnelled packet the outer header alone is there: no transport of ours.
    const bool tunnelled = reason == SkipReason::kOtherTransport && tunnelDepth_ > 0;
    if (reason == SkipReason::kTruncatedHeader || tunnelled) {
      packet.record = record;
      describeCut(at, link.ipOffset, &row, packet);
      reason = SkipReason::kNone;
    }
  }
  if (reason != SkipReason::kNone) return hidePacket(at, visible, reason);
  ++counts_.packets;
  counts_.cutPackets += cut ? 1 : 0;
  if (cut && hideUndecided(at, visible, packet)) return;
  tunnelDepth_ = packet.tunnelDepth;
  apply(at, visible, headers_.patternFor(packet));
  // Behind the IP packet: as in ImageEncoder.
  if (packet.ipEnd < visible) std::memset(image_ + at + packet.ipEnd, 0, visible - packet.ipEnd);
}

// Nothing but IP is looked at: what stands behind is what the header's own protocol says, as far as it is
// there.
void ImageMasker::describeCut(std::size_t at, std::size_t ipOffset, const Linktype* row,
                              Packet& packet) const {
  const std::uint8_t* ip = bytes_.data() + at + ipOffset;
  packet.linktype = row;
  packet.ipOffset = packet.outerOffset = static_cast<std::uint32_t>(ipOffset);
  packet.ipEnd = static_cast<std::uint32_t>(kRoom - at);
  packet.tunnelDepth = 0;
  packet.layers = 0;
  packet.plainIp = false;  // no pattern of the usual shape
  std::uint8_t protocol = 0;
  std::size_t headers = 0;
  const unsigned version = ip[0] >> 4;
  if (version == 4) {
    protocol = ip[9];
    headers = std::max((ip[0] & 0x0F) * std::size_t{4}, std::size_t{20});
  } else {
    const Ipv6Transport transport = walkIpv6Extensions(
        {ip, packet.ipEnd - ipOffset}, [](std::uint8_t, std::size_t, Bytes) {}, parse_.protocols.has(kAh));
    protocol = transport.reason == SkipReason::kNone ? transport.protocol : std::uint8_t{0};
    headers = transport.offset;
  }
  packet.transportOffset =
      static_cast<std::uint32_t>(std::min<std::size_t>(ipOffset + headers, packet.ipEnd));
  packet.payloadOffset = packet.payloadEnd = packet.ipEnd;
  packet.key.words[4] = std::uint64_t{protocol} << 32 | std::uint64_t{version} << 40;
}

bool ImageMasker::hideUndecided(std::size_t at, std::size_t visible, const Packet& packet) {
  if (visible >= packet.transportOffset + kTunnelShows) return false;
  // Of one whose ports or protocol are cut off too, only the packets before can say anything.
  const bool open = visible < packet.transportOffset + 4 || mayBeTunnel(packet, parse_.decap);
  if (!open) return false;
  if (mayBeTunnel(packet, parse_.decap)) ++counts_.undecidedTunnels;
  if (packet.tunnelDepth >= tunnelDepth_) return false;
  apply(at, visible, headers_.patternFor(packet));
  if (packet.outerOffset < visible)
    std::memset(image_ + at + packet.outerOffset, 0, visible - packet.outerOffset);
  return true;
}

// The session's first packet says whose they are: both addresses in every header, in this order or the other.
MaskOutcome ImageMasker::maskL3() {
  const unsigned version = bytes_[0] >> 4;
  if (!anyFrom(0)) return MaskOutcome::kMaskedBefore;
  if (version != 4 && version != 6) {
    zeroFrom(0);
    return MaskOutcome::kUnreadable;
  }
  const bool six = version == 6;
  // Addresses, and flow label or identification and checksum.
  const std::uint8_t* ip = bytes_.data();
  if (six ? allZero(ip + 8, 32) && (loadBig<std::uint32_t>(ip) & 0xFFFFF) == 0
          : allZero(ip + 10, 10) && allZero(ip + 4, 2))
    return MaskOutcome::kMaskedBefore;
  const std::size_t least = six ? 40 : 20;
  for (std::size_t at = 0; at < kImageBytes && bytes_[at] != 0;) {
    if (!isOfSession(at)) {
      zeroFrom(at);
      return MaskOutcome::kBrokenOff;
    }
    const std::size_t room = kImageBytes - at;
    // Lengths of 0 are jumbograms and segmentation offload: then only the next header says where this one
    // ends.
    std::size_t length = loadBig<std::uint16_t>(bytes_.data() + at + (six ? 4 : 2));
    if (length != 0 && six) length += 40;
    if (length == 0) length = 0xFFFF;
    length = std::max(length, least);
    // A snaplen may have cut the packet: then the next one begins before its end.
    const std::size_t next = nextIpPacket(at + least, at + std::min(length, room));
    if (next != 0) length = next - at;
    if (!maskIpPacket(at, length) && at == 0) {
      zeroFrom(0);
      return MaskOutcome::kUnreadable;
    }
    at += length;
    if (at < kImageBytes && bytes_[at] == 0 && anyFrom(at)) {
      zeroFrom(at);
      return MaskOutcome::kBrokenOff;
    }
  }
  return finished();
}

// As far as it is there: an IP header of the image's session.
bool ImageMasker::isOfSession(std::size_t at) const {
  const std::uint8_t* ip = bytes_.data() + at;
  const bool six = bytes_[0] >> 4 == 6;
  const std::size_t addresses = six ? 8 : 12, size = six ? 16 : 4;
  if (ip[0] >> 4 != bytes_[0] >> 4 || (!six && (ip[0] & 0x0F) < 5)) return false;
  const std::uint8_t *source = ip + addresses, *first = bytes_.data() + addresses;
  const std::size_t shown = std::min(kImageBytes - at, addresses + 2 * size);
  if (shown <= addresses) return true;
  const std::size_t one = std::min(shown - addresses, size), two = shown - addresses - one;
  const auto same = [&](const std::uint8_t* a, const std::uint8_t* b) {
    return std::memcmp(source, a, one) == 0 && std::memcmp(source + size, b, two) == 0;
  };
  return same(first, first + size) || same(first + size, first);
}

// Where in [from, end) an IP header of the session begins, 0: nowhere. The next packet, if any, is usually
// right at `end`, and then nothing lies before it. Of a header that the image cuts off, two bytes of an
// address must be there: less can be anything.
std::size_t ImageMasker::nextIpPacket(std::size_t from, std::size_t end) const {
  const bool six = bytes_[0] >> 4 == 6;
  const std::size_t least = (six ? 8 : 12) + 2;
  for (std::size_t at = from; at + least <= kImageBytes && at < end; ++at) {
    if (bytes_[at] >> 4 != bytes_[0] >> 4 || !isOfSession(at)) continue;
    // IPv4: the same protocol; IPv6: extension headers may come before it.
    if (six || bytes_[at + 9] == bytes_[9]) return at;
  }
  return 0;
}

bool ImageMasker::maskIpPacket(std::size_t at, std::size_t length) {
  const std::size_t visible = std::min(length, kImageBytes - at);
  const bool cut = visible < length;
  Record record{};
  record.data = bytes_.data() + at;
  record.capLength = static_cast<std::uint32_t>(std::min(length, kRoom - at));
  record.origLength = static_cast<std::uint32_t>(length);
  record.linktype = kNoLinktype;
  // What fragments were put together to is a packet here; fragment fields are what is left of them.
  const auto parse = [&](std::uint32_t capLength, Packet& packet) {
    Record part = record;
    part.capLength = capLength;
    packet.layers = 0;
    packet.tunnelDepth = 0;
    return parseDatagram(part, parse_, packet);
  };
  Packet packet;
  SkipReason reason = parse(record.capLength, packet);
  if (reason != SkipReason::kNone && cut) {
    reason = parse(static_cast<std::uint32_t>(visible), packet);
    if (reason == SkipReason::kTruncatedHeader) {
      packet.record = record;
      describeCut(at, 0, nullptr, packet);
      reason = SkipReason::kNone;
    }
  }
  if (reason != SkipReason::kNone) {
    hidePacket(at, visible, reason);
    return false;
  }
  ++counts_.packets;
  counts_.cutPackets += cut ? 1 : 0;
  apply(at, visible, headers_.patternFor(packet));
  return true;
}

void ImageMasker::hidePacket(std::size_t at, std::size_t length, SkipReason reason) {
  std::memset(image_ + at, 0, length);
  ++counts_.hidden[static_cast<std::size_t>(reason)];
  hiddenHere_ = true;
}

void ImageMasker::apply(std::size_t at, std::size_t length, const HeaderPattern& pattern) {
  kernel_.copyMasked(image_ + at, bytes_.data() + at, length, pattern.bytes, pattern.length);
}

void ImageMasker::zeroFrom(std::size_t at) { std::memset(image_ + at, 0, kImageBytes - at); }

bool ImageMasker::anyFrom(std::size_t at) const { return !allZero(bytes_.data() + at, kImageBytes - at); }

MaskCounts maskImages(std::span<std::uint8_t> images, std::span<MaskOutcome> outcomes,
                      const MaskOptions& options, unsigned threads) {
  constexpr std::size_t kBlock = 512;
  const std::size_t count = std::min(images.size() / kImageBytes, outcomes.size());
  const std::size_t blocks = (count + kBlock - 1) / kBlock;
  const ImageKernel kernel = selectImageKernel();
  std::vector<MaskCounts> counts(blocks);
  TaskTeam team(static_cast<unsigned>(std::clamp<std::size_t>(blocks, 1, std::max(threads, 1u))));
  team.run(blocks, [&](std::size_t block) {
    ImageMasker masker(options, kernel);
    for (std::size_t i = block * kBlock; i < std::min(count, (block + 1) * kBlock); ++i)
      outcomes[i] = masker.mask(images.data() + i * kImageBytes);
    counts[block] = masker.counts();
  });
  MaskCounts all;
  for (const MaskCounts& part : counts) all += part;
  return all;
}

}  // namespace flowglyph
