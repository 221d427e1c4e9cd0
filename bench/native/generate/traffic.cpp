#include "generate/traffic.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <queue>
#include <random>

#include "bytes.hpp"

namespace flowglyph::bench {
namespace {

constexpr std::uint8_t kFin = 1, kSyn = 2, kPush = 8, kAck = 16;
// Below every idle timeout in use, and what follows a FIN comes within every closing timeout: what the peers
// count differs by their rules about ends as little as can be.
constexpr double kLongestGapSeconds = 20, kLongestClosingGapSeconds = 1;
constexpr std::uint32_t kHandshake = 3, kClosing = 3;  // packets
constexpr std::uint32_t kQueryBytes = 34, kAnswerBytes = 46;

// One session that is under way.
struct Live {
  Endpoints ends;
  const Share* share;
  std::uint32_t packets;  // it will have
  std::uint32_t sent = 0;
  bool closes, timestamps;
  std::uint32_t salt;
  std::array<std::uint32_t, 2> sequence, lastSequence{}, lastBytes{};
  std::array<std::uint16_t, 2> ipId;
  std::array<bool, 2> spoke{};
  unsigned burst = 0;  // segments down since the last acknowledgement
};

struct Event {
  std::uint64_t timeNs;
  std::uint32_t slot;
  bool operator>(const Event& other) const {
    return timeNs != other.timeNs ? timeNs > other.timeNs : slot > other.slot;
  }
};

// The header of a TLS record: the first in each direction a handshake's, the others data's.
void writeTlsPrefix(Live& live, Segment& segment) {
  const bool first = !live.spoke[segment.direction];
  live.spoke[segment.direction] = true;
  const std::uint32_t bytes = segment.payloadBytes;
  segment.prefix = {static_cast<std::uint8_t>(first ? 0x16 : 0x17), 3,
                    static_cast<std::uint8_t>(first ? 1 : 3)};
  storeBig(&segment.prefix[3], static_cast<std::uint16_t>(bytes > 5 ? bytes - 5 : 0));
  segment.prefix[5] = static_cast<std::uint8_t>(first ? 1 + segment.direction : segment.sequence);
  segment.prefixBytes = 6;
}

// RFC 1035: header, the question "mail.example.org, A", and in answers one record of type NULL.
void writeDnsPrefix(const Live& live, Segment& segment) {
  static constexpr std::uint8_t kQuestion[] = "\4mail\7example\3org\0\0\1\0\1";  // 22 and C++'s own zero
  static constexpr std::uint8_t kAnswer[] = {0xC0, 12, 0, 10, 0, 1, 0, 0, 14, 16};
  storeBig(&segment.prefix[0], static_cast<std::uint16_t>(live.salt + live.sent / 2));
  storeBig<std::uint16_t>(&segment.prefix[2], segment.direction == 0 ? 0x0100 : 0x8180);
  segment.prefix[5] = 1;
  std::memcpy(&segment.prefix[12], kQuestion, 22);
  segment.prefixBytes = kQueryBytes;
  if (segment.direction == 0) return;
  segment.prefix[7] = 1;
  std::memcpy(&segment.prefix[34], kAnswer, sizeof kAnswer);
  storeBig(&segment.prefix[44], static_cast<std::uint16_t>(segment.payloadBytes - kAnswerBytes));
  segment.prefixBytes = kAnswerBytes;
}

// RTP (RFC 3550): version, payload type, sequence number, time, source.
void writeRtpPrefix(const Live& live, Segment& segment) {
  segment.prefix[0] = 0x80;
  storeBig(&segment.prefix[2], static_cast<std::uint16_t>(live.sent));
  storeBig<std::uint32_t>(&segment.prefix[4], live.sent * 160);
  storeBig<std::uint32_t>(&segment.prefix[8], live.salt + segment.direction);
  segment.prefixBytes = 12;
}

// RFC 9000 section 17.3: a short header and a connection id.
void writeQuicPrefix(const Live& live, Segment& segment) {
  segment.prefix[0] = 0x41;
  storeBig<std::uint32_t>(&segment.prefix[1], live.salt + segment.direction);
  segment.prefixBytes = 6;
}

}  // namespace

struct Traffic::State {
  explicit State(const TrafficOptions& given)
      : options(given), random(given.seed), frames(given.seed ^ 0x5DEECE66D) {
    for (const Share& share : options.shares) totalWeight += share.weight;
  }

  double uniform() { return static_cast<double>(random() >> 11) * 0x1p-53; }
  std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>((random() >> 32) * bound >> 32);
  }
  std::uint64_t gapNs(double meanSeconds, double longest) {
    return static_cast<std::uint64_t>(std::min(-std::log1p(-uniform()) * meanSeconds, longest) * 1e9);
  }

  void scheduleArrival();
  std::uint32_t start();
  void send(Live& live, Segment& segment);
  void sendTcp(Live& live, Segment& segment);
  std::uint32_t payloadFor(Live& live, const Segment& segment);
  std::uint32_t lengthOf(const Share& share);

  TrafficOptions options;
  std::mt19937_64 random;
  FrameWriter frames;
  double totalWeight = 0;
  TrafficTotals totals;
  std::uint64_t started = 0, nextArrivalNs = 0, nowNs = 0;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events;
  std::vector<Live> lives;
  std::vector<std::uint32_t> free;
};

std::uint32_t Traffic::State::lengthOf(const Share& share) {
  if (!share.heavyTail) return share.minPackets + below(share.maxPackets - share.minPackets + 1);
  const double length = share.minPackets * std::pow(1 - uniform(), -1 / 1.1);
  return static_cast<std::uint32_t>(std::min<double>(length, share.maxPackets));
}

std::uint32_t Traffic::State::start() {
  double draw = uniform() * totalWeight;
  const Share* share = &options.shares.back();
  for (const Share& row : options.shares) {
    if (draw < row.weight) {
      share = &row;
      break;
    }
    draw -= row.weight;
  }
  std::uint32_t slot = static_cast<std::uint32_t>(lives.size());
  if (free.empty()) {
    lives.emplace_back();
  } else {
    slot = free.back();
    free.pop_back();
  }
  Live live;
  live.share = share;
  const bool tiny = share->conduct == Conduct::kTiny || share->conduct == Conduct::kFull;
  const bool udp = share->conduct == Conduct::kQuery || share->conduct == Conduct::kQuic ||
                   share->conduct == Conduct::kVoice || (tiny && uniform() < share->udp);
  live.ends.protocol = udp ? 17 : 6;
  // Small frames have no room for IPv6's header and one of TCP.
  live.ends.ipv6 = share->conduct != Conduct::kTiny && uniform() < options.ipv6;
  // No two sessions have the same client address and port: the session's number, shuffled by a multiplication
  // that loses nothing, is in the two of them. So the number of sessions is known.
  const std::uint64_t number = started++;
  const std::uint64_t shuffled = number * 0x9E3779B1u & 0xFFFFFFFFu;
  const auto host = static_cast<std::uint32_t>(shuffled >> 14);     // 18 bits
  const auto port = static_cast<std::uint32_t>(shuffled & 0x3FFF);  // 14 bits
  for (auto& address : live.ends.address) address.fill(0);
  if (live.ends.ipv6) {
    for (unsigned side : {0u, 1u}) {
      storeBig<std::uint32_t>(live.ends.address[side].data(), 0x20010DB8);  // documentation, RFC 3849
      live.ends.address[side][7] = static_cast<std::uint8_t>(side);
      storeBig<std::uint64_t>(live.ends.address[side].data() + 8, side == 0 ? host : below(4096));
    }
  } else {
    storeBig<std::uint32_t>(live.ends.address[0].data(), 0x0A000000u | host);
    storeBig<std::uint32_t>(live.ends.address[1].data(),
                            0xC6120000u | below(1u << 17));  // 198.18.0.0/15, RFC 2544
  }
  constexpr std::uint16_t kDns = 53, kRtp = 16384, kUnassigned = 29999;
  constexpr std::array<std::uint16_t, 4> kTcpServices = {443, 443, 993, 853};
  live.ends.port[0] = static_cast<std::uint16_t>(0x8000 + port);
  live.ends.port[1] = share->conduct == Conduct::kQuery   ? kDns
                      : share->conduct == Conduct::kVoice ? kRtp
                      : share->conduct == Conduct::kTiny  ? kUnassigned
                      : udp                               ? kTcpServices[0]
                                                          : kTcpServices[below(4)];
  live.packets = lengthOf(*share);
  live.closes = !udp && live.packets > kHandshake + kClosing && uniform() < share->closed;
  live.timestamps = !udp && share->conduct != Conduct::kTiny && uniform() < 0.7;
  live.salt = static_cast<std::uint32_t>(random());
  for (unsigned side : {0u, 1u}) {
    live.sequence[side] = static_cast<std::uint32_t>(random());
    live.ipId[side] = static_cast<std::uint16_t>(random());
  }
  lives[slot] = live;
  ++(udp ? totals.udpSessions : totals.tcpSessions);
  totals.longestSession = std::max<std::uint64_t>(totals.longestSession, live.packets);
  totals.peakSessions = std::max<std::uint64_t>(totals.peakSessions, lives.size() - free.size());
  return slot;
}

// Bytes of payload in a data packet of this session.
std::uint32_t Traffic::State::payloadFor(Live& live, const Segment& segment) {
  const auto room = static_cast<std::uint32_t>(kMaxFrameBytes - FrameWriter::headerBytes(live.ends, segment));
  const bool down = segment.direction == 1;
  switch (live.share->conduct) {
    case Conduct::kTiny:
      return live.ends.protocol == 17 ? 6 + below(13) : below(2) * (1 + below(6));
    case Conduct::kFull:
      return room;
    case Conduct::kQuery:
      return down ? kAnswerBytes + below(400) : kQueryBytes;
    case Conduct::kChat:
      return down ? std::min(room, 80 + below(below(2) == 0 ? 400 : 3000)) : 40 + below(600);
    case Conduct::kBulk:
      return down ? room : below(20) == 0 ? 100 + below(500) : 0;
    case Conduct::kQuic:
      return down ? 1200 + below(152) : 25 + below(60);
    case Conduct::kVoice:
      return 172;
    case Conduct::kProbe:
      return 0;
  }
  return 0;
}

void Traffic::State::sendTcp(Live& live, Segment& segment) {
  const std::uint32_t number = live.sent, left = live.packets - live.sent;
  const bool closing = live.closes && left <= kClosing;
  segment.tcpFlags = kAck;
  segment.timestamps = live.timestamps;
  if (number == 0) {
    segment.direction = 0;
    segment.tcpFlags = kSyn;
  } else if (number == 1) {
    segment.direction = 1;
    segment.tcpFlags = kSyn | kAck;
  } else if (number == 2 || (closing && left == 1)) {
    segment.direction = 0;
  } else if (closing) {
    segment.direction = left == 3 ? 0 : 1;
    segment.tcpFlags = kFin | kAck;
  } else {
    if (live.share->conduct == Conduct::kBulk || live.share->conduct == Conduct::kFull) {
      // Every second segment down is acknowledged; kFull has no room for acknowledgements, all is data down.
      const bool acknowledge = live.share->conduct == Conduct::kBulk && live.burst == 2;
      segment.direction = acknowledge ? 0 : 1;
      live.burst = acknowledge ? 0 : live.burst + 1;
    } else {
      segment.direction = below(100) < 55 ? 1 : 0;
    }
    segment.payloadBytes = payloadFor(live, segment);
    if (segment.payloadBytes != 0 && below(4) == 0) segment.tcpFlags |= kPush;
  }
  const unsigned from = segment.direction;
  const bool syn = (segment.tcpFlags & kSyn) != 0;
  segment.sequence = live.sequence[from];
  segment.acknowledgement = (segment.tcpFlags & kAck) != 0 ? live.sequence[1 - from] : 0;
  segment.window = static_cast<std::uint16_t>(syn ? 64240 : 501 + below(16));
  segment.timestampValue = live.salt + static_cast<std::uint32_t>(nowNs / 1'000'000);
  segment.timestampEcho = number == 0 ? 0 : segment.timestampValue - 20;
  if (segment.payloadBytes != 0) {
    if (options.retransmitted > 0 && live.lastBytes[from] != 0 && uniform() < options.retransmitted) {
      segment.sequence = live.lastSequence[from];
      segment.payloadBytes = live.lastBytes[from];
    } else {
      live.lastSequence[from] = segment.sequence;
      live.lastBytes[from] = segment.payloadBytes;
      live.sequence[from] += segment.payloadBytes;
    }
    if (live.share->conduct != Conduct::kTiny) writeTlsPrefix(live, segment);
    segment.payloadSeed = live.salt + segment.sequence;
  }
  if (syn || (segment.tcpFlags & kFin) != 0) ++live.sequence[from];
}

void Traffic::State::send(Live& live, Segment& segment) {
  segment = {};
  if (live.ends.protocol == 6) {
    sendTcp(live, segment);
  } else {
    const Conduct conduct = live.share->conduct;
    segment.direction = live.sent == 0               ? 0
                        : conduct == Conduct::kQuery ? live.sent % 2
                        : conduct == Conduct::kFull  ? 1
                        : conduct == Conduct::kQuic  ? (below(4) == 0 ? 0 : 1)
                                                     : below(2);
    segment.payloadBytes = payloadFor(live, segment);
    segment.payloadSeed = static_cast<std::uint32_t>(random());
    if (conduct == Conduct::kQuery) {
      writeDnsPrefix(live, segment);
    } else if (conduct == Conduct::kVoice) {
      writeRtpPrefix(live, segment);
    } else {
      writeQuicPrefix(live, segment);
    }
  }
  segment.hopLimit = segment.direction == 0 ? 64 : static_cast<std::uint8_t>(40 + live.salt % 80);
  segment.ipId = live.ipId[segment.direction]++;
}

void Traffic::State::scheduleArrival() {
  // A Poisson process: gaps between arrivals are exponential.
  if (started < options.sessions)
    nextArrivalNs += gapNs(options.arrivalSeconds / static_cast<double>(options.sessions), 1e9);
}

Traffic::Traffic(const TrafficOptions& options) : state_(std::make_unique<State>(options)) {
  state_->scheduleArrival();
}

Traffic::~Traffic() = default;

bool Traffic::next(std::uint8_t* to, TimedFrame& frame) {
  State& s = *state_;
  std::uint32_t slot;
  if (s.started < s.options.sessions && (s.events.empty() || s.nextArrivalNs <= s.events.top().timeNs)) {
    s.nowNs = s.nextArrivalNs;
    slot = s.start();
    s.scheduleArrival();
  } else if (!s.events.empty()) {
    s.nowNs = s.events.top().timeNs;
    slot = s.events.top().slot;
    s.events.pop();
  } else {
    return false;
  }
  Live& live = s.lives[slot];
  Segment segment;
  s.send(live, segment);
  frame = {s.nowNs, s.frames.write(to, live.ends, segment)};
  ++s.totals.packets;
  s.totals.frameBytes += frame.bytes;
  s.totals.tcpPackets += live.ends.protocol == 6 ? 1 : 0;
  s.totals.seconds = static_cast<double>(s.nowNs) * 1e-9;
  if (++live.sent == live.packets) {
    s.free.push_back(slot);
  } else {
    const bool closing = live.closes && live.packets - live.sent < kClosing;
    s.events.push({s.nowNs + s.gapNs(live.share->meanGapSeconds,
                                     closing ? kLongestClosingGapSeconds : kLongestGapSeconds),
                   slot});
  }
  return true;
}

const TrafficTotals& Traffic::totals() const { return state_->totals; }

}  // namespace flowglyph::bench
