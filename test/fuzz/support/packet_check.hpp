// What parsePacket promises of its results (parse/packet.hpp), as checks.
#pragma once

#include "parse/packet.hpp"

namespace flowglyph::fuzz {

// A packet that is one (SkipReason::kNone) from a record.
void checkPacket(const Packet& packet, const Record& record, const ParseOptions& options);
// The same of a datagram that was put together: no link type, and its depth is that of its fragments.
void checkInside(const Packet& packet, const Record& record, const ParseOptions& options);
// SkipReason::kFragment.
void checkFragment(const Packet& packet, const Record& record, const ParseOptions& options);
// All fields that the parser fills.
void checkSamePacket(const Packet& a, const Packet& b);

}  // namespace flowglyph::fuzz
