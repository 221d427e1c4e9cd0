// Who talks to whom, when, and how much: sessions that begin, exchange packets and end, as one stream of
// packets in time order. The same options give the same packets.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "generate/frames.hpp"

namespace flowglyph::bench {

// What a session does. Lengths are in packets, both ways together.
enum class Conduct : std::uint8_t {
  kTiny,   // frames of 60 bytes: acknowledgements, keystrokes, beacons
  kFull,   // frames of 1514 bytes, after the handshake
  kQuery,  // UDP: a question, an answer, maybe again
  kChat,   // TCP: requests of some hundred bytes, answers of several packets
  kBulk,   // TCP: a download, an acknowledgement for every second segment
  kQuic,   // UDP: large packets down, small ones up
  kVoice,  // UDP: 214 bytes every 20 ms, both ways
  kProbe,  // TCP: one SYN that nobody answers
};

struct Share {
  Conduct conduct;
  double weight;             // of the sessions
  double udp;                // share of kTiny's and kFull's sessions that are UDP
  std::uint32_t minPackets;  // of a session
  std::uint32_t maxPackets;
  bool heavyTail;         // most are near the minimum, a few near the maximum (Pareto, index 1.1)
  double meanGapSeconds;  // between two packets of a session, capture time
  double closed;          // of the TCP sessions: share that ends by FIN; the rest just falls silent
};

struct TrafficOptions {
  std::vector<Share> shares;
  std::uint64_t sessions;
  double arrivalSeconds;     // the sessions begin in this time, at random
  double ipv6 = 0;           // share of the sessions
  double retransmitted = 0;  // share of the TCP data segments that come twice
  std::uint64_t seed = 1;
};

struct TimedFrame {
  std::uint64_t timeNs;  // since the beginning
  std::size_t bytes;
};

// What was written: nobody has to take the number of sessions from a parser.
struct TrafficTotals {
  std::uint64_t packets = 0, frameBytes = 0, tcpSessions = 0, udpSessions = 0, tcpPackets = 0;
  std::uint64_t longestSession = 0, peakSessions = 0;
  double seconds = 0;
};

class Traffic {
 public:
  explicit Traffic(const TrafficOptions& options);
  ~Traffic();
  // Writes the next frame to `to` (kMaxFrameBytes); false at the end.
  bool next(std::uint8_t* to, TimedFrame& frame);
  const TrafficTotals& totals() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace flowglyph::bench
