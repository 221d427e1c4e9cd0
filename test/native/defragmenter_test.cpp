#include "stream/defragmenter.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <random>

#include "stream/fragment.hpp"
#include "support/extracted.hpp"
#include "support/twin_defragmenter.hpp"

using namespace flowglyph;
using namespace flowglyph::test;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kTimeout = 30 * kSecond;

// As parsePacket hands it over: behind a link layer, with a trailer that is no part of it.
struct Captured {
  ByteVector frame;
  Packet packet{};

  explicit Captured(const TwinFragment& fragment) : frame(14, 0xEE) {
    const ByteVector ip = fragment.capturedIp();
    append(frame, ip);
    packet.ipOffset = packet.outerOffset = 14;
    packet.ipEnd = static_cast<std::uint32_t>(frame.size());
    const std::size_t whole = fragment.ip().size();
    if (ip.size() == whole) append(frame, {0xAA, 0xBB, 0xCC});
    packet.record.data = frame.data();
    packet.record.timeNs = fragment.timeNs;
    packet.record.capLength = static_cast<std::uint32_t>(frame.size());
    packet.record.origLength = static_cast<std::uint32_t>(std::max(frame.size(), 14 + whole));
    packet.record.linktype = 1;
    packet.record.captureGroup = 5;
    packet.records = fragment.records;
    packet.layers = layerBit(Layer::kFragment);
    packet.tunnelDepth = fragment.origin.tunnelDepth;
  }
};

struct Run {
  explicit Run(std::size_t memory = std::size_t{64} << 20, std::uint64_t timeout = kTimeout)
      : defragmenter(memory, timeout) {}

  Run& add(const TwinFragment& fragment) {
    // The frame goes away: what is kept must be a copy.
    defragmenter.add(Captured(fragment).packet, out, skipped);
    given += fragment.records;
    return *this;
  }
  Run& flush() {
    defragmenter.flush(out, skipped);
    std::uint64_t records = skipped;
    for (const Datagram& datagram : out) records += datagram.records;
    CHECK(records == given);
    const FragmentTotals& t = defragmenter.totals();
    std::uint64_t whole = 0;
    for (const Datagram& datagram : out) whole += datagram.whole;
    CHECK(whole == t.datagrams);
    return *this;
  }
  ByteVector bytes(std::size_t i) const { return {out[i].bytes.get(), out[i].bytes.get() + out[i].length}; }
  const FragmentTotals& totals() const { return defragmenter.totals(); }

  Defragmenter defragmenter;
  std::vector<Datagram> out;
  std::uint64_t skipped = 0, given = 0;
};

// `data` in parts of `size` bytes (a multiple of 8).
std::vector<TwinFragment> cutUp(const Origin& origin, const ByteVector& data, std::size_t size,
                                std::int64_t timeNs = 0) {
  std::vector<TwinFragment> fragments;
  for (std::size_t at = 0; at < data.size(); at += size) {
    const std::size_t end = std::min(at + size, data.size());
    fragments.push_back({.timeNs = timeNs,
                         .origin = origin,
                         .offset = static_cast<std::uint32_t>(at),
                         .more = end < data.size(),
                         .data = ByteVector(data.begin() + at, data.begin() + end)});
  }
  return fragments;
}

}  // namespace

TEST_SUITE_BEGIN("fragments");

TEST_CASE(
    "fragments in any order make the datagram, for both IP versions, with options and extension headers") {
  const ByteVector data = filled(100, 1);
  for (const Origin& origin : {Origin{}, Origin{.options = {7, 4, 0, 0}}, Origin{.version = 6},
                               Origin{.version = 6, .hopByHop = true}}) {
    std::vector<TwinFragment> fragments = cutUp(origin, data, 32);
    std::vector<std::size_t> order = {0, 1, 2, 3};
    do {
      Run run;
      for (std::size_t i = 0; i < order.size(); ++i) {
        CHECK(run.out.empty());
        fragments[order[i]].timeNs = static_cast<std::int64_t>(i) * kSecond;
        run.add(fragments[order[i]]);
      }
      REQUIRE(run.out.size() == 1);
      CHECK(run.bytes(0) == origin.whole(data));
      const Datagram& datagram = run.out[0];
      CHECK(datagram.whole);
      CHECK(datagram.records == 4);
      CHECK(datagram.wireBytes == 100 + 4 * fragments[0].ip().size() - 4 * 32);
      CHECK(datagram.record.data == datagram.bytes.get());
      CHECK(datagram.record.capLength == datagram.length);
      CHECK(datagram.record.origLength == datagram.length);
      CHECK(datagram.record.timeNs == 3 * kSecond);
      CHECK(datagram.record.linktype == 1);
      CHECK(datagram.record.captureGroup == 5);
      CHECK(datagram.layers == layerBit(Layer::kFragment));
      CHECK(run.flush().skipped == 0);
      CHECK(run.totals().datagrams == 1);
    } while (std::next_permutation(order.begin(), order.end()));
  }
}

TEST_CASE("the bytes of a whole datagram, written out") {
  Run run;
  run.add({.origin = {}, .offset = 8, .data = {9, 10, 11}});
  run.add({.origin = {}, .offset = 0, .more = true, .data = {1, 2, 3, 4, 5, 6, 7, 8}});
  REQUIRE(run.out.size() == 1);
  CHECK(run.bytes(0) == ByteVector{0x45, 0x08, 0, 31, 0, 7, 0, 0, 64, 17, 0x81, 0x82, 10, 0,  0, 1,
                                   10,   0,    0, 2,  1, 2, 3, 4, 5,  6,  7,    8,    9,  10, 11});
  Run six;
  six.add({.origin = {.version = 6}, .offset = 8, .data = {9, 10, 11}});
  six.add({.origin = {.version = 6}, .offset = 0, .more = true, .data = {1, 2, 3, 4, 5, 6, 7, 8}});
  REQUIRE(six.out.size() == 1);
  const ByteVector bytes = six.bytes(0);
  CHECK(bytes.size() == 51);
  CHECK(bytes[5] == 11);
  CHECK(bytes[6] == 17);
  CHECK(ByteVector(bytes.begin() + 40, bytes.end()) == filled(11, 1));
}

TEST_CASE("only the same addresses, identification, protocol, version and tunnel depth belong together") {
  const std::vector<Origin> origins = {{},
                                       {.source = 3},
                                       {.destination = 3},
                                       {.id = 8},
                                       {.protocol = 6},
                                       {.tunnelDepth = 1},
                                       {.version = 6},
                                       {.version = 6, .id = 0x10007},
                                       {.version = 6, .tunnelDepth = 1}};
  Run run;
  for (const Origin& origin : origins)
    run.add({.origin = origin, .more = true, .data = filled(8, origin.source)});
  for (const Origin& origin : origins) run.add({.origin = origin, .offset = 8, .data = filled(5, 30)});
  REQUIRE(run.out.size() == origins.size());
  for (std::size_t i = 0; i < origins.size(); ++i) {
    ByteVector data = filled(8, origins[i].source);
    append(data, filled(5, 30));
    CHECK(run.bytes(i) == origins[i].whole(data));
    CHECK(run.out[i].tunnelDepth == origins[i].tunnelDepth);
  }
  // IPv6: the next header is that of the first fragment, whatever the others say.
  run.add({.origin = {.version = 6, .protocol = 6}, .offset = 8, .data = filled(5, 1)});
  run.add({.origin = {.version = 6, .protocol = 17}, .more = true, .data = filled(8, 1)});
  CHECK(run.out.size() == origins.size() + 1);
  CHECK(run.out.back().bytes[6] == 17);
  CHECK(run.flush().skipped == 0);
}

TEST_CASE("the identification may be used again at once") {
  Run run;
  for (int i = 0; i < 3; ++i)
    for (const TwinFragment& fragment : cutUp({}, filled(40, static_cast<std::uint8_t>(1 + i)), 16))
      run.add(fragment);
  REQUIRE(run.out.size() == 3);
  for (int i = 0; i < 3; ++i)
    CHECK(run.bytes(i) == Origin{}.whole(filled(40, static_cast<std::uint8_t>(1 + i))));
}

TEST_CASE("a repetition is ignored and counted, also of parts of several fragments") {
  const ByteVector data = filled(64, 1);
  Run run;
  const auto part = [&](std::uint32_t from, std::uint32_t to) {
    return TwinFragment{
        .offset = from, .more = to < 64, .data = ByteVector(data.begin() + from, data.begin() + to)};
  };
  run.add(part(0, 16))
      .add(part(0, 16))
      .add(part(16, 48))
      .add(part(8, 40))
      .add(part(24, 32))
      .add(part(48, 64));
  REQUIRE(run.out.size() == 1);
  CHECK(run.bytes(0) == Origin{}.whole(data));
  CHECK(run.out[0].records == 3);
  CHECK(run.out[0].wireBytes == 64 + 3 * 20);
  CHECK(run.skipped == 3);
  CHECK(run.totals().duplicates == 3);
  run.flush();
}

TEST_CASE("an overlap spoils the datagram: its first fragment alone is believed") {
  const ByteVector data = filled(64, 1);
  ByteVector other = data;
  other[20] ^= 1;
  const auto part = [](const ByteVector& from, std::uint32_t begin, std::uint32_t end) {
    return TwinFragment{
        .offset = begin, .more = end < 64, .data = ByteVector(from.begin() + begin, from.begin() + end)};
  };
  for (const TwinFragment& evil :
       {part(other, 16, 32), part(data, 8, 40), part(data, 24, 40), part(data, 0, 40)}) {
    Run run;
    run.add(part(data, 0, 16)).add(part(data, 16, 32)).add(evil);
    REQUIRE(run.out.size() == 1);
    CHECK_FALSE(run.out[0].whole);
    CHECK(run.bytes(0) == part(data, 0, 16).ip());
    CHECK(run.out[0].records == 1);
    CHECK(run.out[0].wireBytes == 36);
    CHECK(run.skipped == 2);
    // What comes later belongs to it and does not start another one.
    run.add(part(data, 32, 64)).add(part(data, 0, 16)).add(part(data, 16, 32)).flush();
    CHECK(run.out.size() == 1);
    CHECK(run.skipped == 5);
    CHECK(run.totals().overlapping == 1);
    CHECK(run.totals().incomplete == 0);
  }
}

TEST_CASE("a first fragment that comes after its datagram was spoiled comes out alone, once") {
  Run run;
  run.add({.offset = 16, .more = true, .data = filled(16, 1)});
  run.add({.offset = 16, .more = true, .data = filled(16, 2)});
  CHECK(run.out.empty());
  CHECK(run.skipped == 2);
  run.add({.offset = 0, .more = true, .data = filled(16, 3)});
  run.add({.offset = 0, .more = true, .data = filled(16, 4)});
  REQUIRE(run.out.size() == 1);
  CHECK(run.bytes(0) == TwinFragment{.more = true, .data = filled(16, 3)}.ip());
  CHECK(run.skipped == 3);
  run.flush();
}

TEST_CASE("fragments that cannot be spoil their datagram") {
  const TwinFragment first{.more = true, .data = filled(16, 1)};
  const std::vector<TwinFragment> impossible = {
      {.offset = 65528, .data = filled(100, 1)},            // ping of death
      {.offset = 65512, .data = filled(8, 1)},              // fits, but not with the header before it
      {.offset = 16, .more = true, .data = filled(13, 1)},  // not a multiple of 8, and more to come
      {.offset = 16, .more = true, .data = {}},             // empty
      {.offset = 16, .more = false, .data = {}},
  };
  for (const TwinFragment& evil : impossible) {
    Run run;
    run.add(first).add(evil);
    REQUIRE(run.out.size() == 1);
    CHECK(run.bytes(0) == first.ip());
    CHECK(run.skipped == 1);
    CHECK(run.totals().malformed == 1);
    run.add({.offset = 16, .data = filled(8, 1)}).flush();
    CHECK(run.out.size() == 1);
    CHECK(run.skipped == 2);
  }
  SUBCASE("the longest datagram that there can be") {
    for (const Origin& origin : {Origin{}, Origin{.version = 6}}) {
      const std::size_t most = 65535 - origin.fixedBytes();
      Run run;
      for (const TwinFragment& fragment : cutUp(origin, filled(most, 1), 1480)) run.add(fragment);
      REQUIRE(run.out.size() == 1);
      CHECK(run.bytes(0) == origin.whole(filled(most, 1)));
      Run over;
      for (const TwinFragment& fragment : cutUp(origin, filled(most + 1, 1), 1480)) over.add(fragment);
      REQUIRE(over.out.size() == 1);
      CHECK_FALSE(over.out[0].whole);
      CHECK(over.totals().malformed == 1);
      over.flush();
    }
  }
  SUBCASE("too long by the header of the first fragment, which comes last") {
    Run run;
    std::vector<TwinFragment> fragments = cutUp({}, filled(65515, 1), 1480);
    fragments[0].origin.options = {7, 4, 0, 0};
    std::reverse(fragments.begin(), fragments.end());
    for (const TwinFragment& fragment : fragments) run.add(fragment);
    REQUIRE(run.out.size() == 1);
    CHECK_FALSE(run.out[0].whole);
    CHECK(run.bytes(0) == fragments.back().ip());
    CHECK(run.totals().malformed == 1);
    run.flush();
  }
}

TEST_CASE("fragments that contradict where the datagram ends spoil it") {
  const TwinFragment first{.more = true, .data = filled(16, 1)};
  const TwinFragment last{.offset = 32, .data = filled(16, 1)};
  for (const TwinFragment& evil : {TwinFragment{.offset = 16, .data = filled(8, 1)},  // ends earlier
                                   TwinFragment{.offset = 48, .data = filled(8, 1)},  // ends later
                                   TwinFragment{.offset = 48, .more = true, .data = filled(8, 1)},  // goes on
                                   TwinFragment{.offset = 32, .more = true, .data = filled(16, 1)}}) {
    Run run;
    run.add(first).add(last).add(evil);
    CHECK(run.totals().malformed == 1);
    REQUIRE(run.out.size() == 1);
    CHECK(run.bytes(0) == first.ip());
    run.flush();
  }
  Run run;
  run.add(first)
      .add({.offset = 32, .more = true, .data = filled(16, 1)})
      .add({.offset = 16, .data = filled(16, 1)});
  CHECK(run.totals().malformed == 1);
  run.flush();
}

TEST_CASE("a fragment cut by the snaplen makes its datagram hopeless: the first fragment comes out at once") {
  const TwinFragment cutFirst{.more = true, .data = filled(80, 1), .captured = 60};
  Run run;
  run.add(cutFirst);
  REQUIRE(run.out.size() == 1);
  CHECK_FALSE(run.out[0].whole);
  CHECK(run.bytes(0) == cutFirst.capturedIp());
  CHECK(run.out[0].record.capLength == 60);
  CHECK(run.out[0].record.origLength == 100);
  CHECK(run.out[0].wireBytes == 100);
  run.add({.offset = 80, .data = filled(80, 1), .captured = 60}).flush();
  CHECK(run.skipped == 1);
  CHECK(run.totals().cut == 1);

  Run later;
  later.add({.more = true, .data = filled(16, 1)}).add({.offset = 16, .data = filled(80, 1), .captured = 40});
  REQUIRE(later.out.size() == 1);
  CHECK(later.bytes(0) == TwinFragment{.more = true, .data = filled(16, 1)}.ip());
  later.flush();
  CHECK(later.skipped == 1);
}

TEST_CASE("what ends incomplete comes out as its first fragment, in the order of opening") {
  Run run;
  run.add({.timeNs = 3, .origin = {.id = 2}, .more = true, .data = filled(16, 2)});
  run.add({.timeNs = 4, .origin = {.id = 1}, .offset = 16, .data = filled(16, 1)});
  run.add({.timeNs = 5, .origin = {.id = 3}, .more = true, .data = filled(16, 3)});
  run.add({.timeNs = 6, .origin = {.id = 2}, .offset = 32, .data = filled(16, 2)});
  run.flush();
  REQUIRE(run.out.size() == 2);
  CHECK(run.bytes(0) == TwinFragment{.origin = {.id = 2}, .more = true, .data = filled(16, 2)}.ip());
  CHECK(run.out[0].record.timeNs == 3);
  CHECK(run.bytes(1) == TwinFragment{.origin = {.id = 3}, .more = true, .data = filled(16, 3)}.ip());
  CHECK(run.skipped == 2);
  CHECK(run.totals().incomplete == 3);
  CHECK(run.totals().datagrams == 0);
}

TEST_CASE("the timeout counts from the fragment that opened the datagram") {
  const auto first = [](std::int64_t time) {
    return TwinFragment{.timeNs = time, .more = true, .data = filled(16, 1)};
  };
  const auto last = [](std::int64_t time) {
    return TwinFragment{.timeNs = time, .offset = 16, .data = filled(16, 1)};
  };
  Run intime;
  intime.add(first(kSecond)).add(last(kSecond + kTimeout - 1));
  CHECK(intime.totals().datagrams == 1);
  Run late;
  late.add(first(kSecond)).add(last(kSecond + kTimeout));
  CHECK(late.totals().incomplete == 1);
  CHECK(late.out.size() == 1);
  late.flush();
  CHECK(late.totals().incomplete == 2);
  Run unlimited(1 << 20, 0);
  unlimited.add(first(-1'000'000 * kSecond)).add(last(1'000'000 * kSecond));
  CHECK(unlimited.totals().datagrams == 1);

  SUBCASE("told by records that are no fragments") {
    Run run;
    run.add(first(0));
    run.defragmenter.advance(29 * kSecond, run.out, run.skipped);
    CHECK(run.out.empty());
    run.defragmenter.advance(30 * kSecond, run.out, run.skipped);
    CHECK(run.out.size() == 1);
    run.flush();
  }
}

TEST_CASE("one wild timestamp ends nobody else's datagram; a jump of time keeps nothing for ever") {
  constexpr std::int64_t kFar = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t wild : {kFar, -kFar - 1, 100 * std::int64_t{kTimeout}}) {
    Run run;
    run.add({.timeNs = 0, .origin = {.id = 1}, .more = true, .data = filled(16, 1)});
    run.add({.timeNs = wild, .origin = {.id = 2}, .more = true, .data = filled(16, 1)});
    run.add({.timeNs = kSecond, .origin = {.id = 1}, .offset = 16, .data = filled(16, 1)});
    CHECK(run.totals().datagrams == 1);
    // The wild one itself is too far from the time that the others agree on.
    run.add({.timeNs = 2 * kSecond, .origin = {.id = 3}, .more = true, .data = filled(16, 1)});
    CHECK(run.totals().incomplete == 1);
    // Time goes on elsewhere.
    run.add({.timeNs = wild, .origin = {.id = 4}, .more = true, .data = filled(16, 1)});
    CHECK(run.totals().incomplete == 1);
    run.add({.timeNs = wild, .origin = {.id = 5}, .more = true, .data = filled(16, 1)});
    CHECK(run.totals().incomplete == 2);
    run.flush();
  }
}

TEST_CASE("memory is bounded: the oldest is given up, and comes out as its first fragment") {
  constexpr std::size_t kMemory = 64 << 10;
  Run run(kMemory);
  std::size_t most = 0;
  for (std::uint32_t i = 0; i < 5000; ++i) {
    const std::uint16_t size = i % 3 == 0 ? 8 : 1480;
    run.add({.timeNs = i, .origin = {.id = i % 65536}, .more = true, .data = filled(size, 1)});
    most = std::max(most, run.defragmenter.memoryUsed());
    REQUIRE(run.defragmenter.memoryUsed() <= kMemory);
  }
  CHECK(most > kMemory / 2);
  CHECK(run.totals().evicted == run.out.size());
  for (std::size_t i = 0; i < run.out.size(); ++i)
    CHECK(run.out[i].record.timeNs == static_cast<std::int64_t>(i));
  run.flush();
  CHECK(run.out.size() == 5000);
  CHECK(run.totals().evicted + run.totals().incomplete == 5000);

  SUBCASE("one datagram that alone is too much") {
    Run small(4096);
    for (const TwinFragment& fragment : cutUp({}, filled(20000, 1), 1480)) {
      small.add(fragment);
      REQUIRE(small.defragmenter.memoryUsed() <= 4096);
    }
    small.flush();
    CHECK(small.totals().datagrams == 0);
    CHECK(small.out.size() == 1);
  }
  SUBCASE("none at all") {
    Run none(0);
    none.add({.more = true, .data = filled(16, 1)}).add({.offset = 16, .data = filled(16, 1)});
    CHECK(none.out.size() == 1);
    none.flush();
    CHECK(none.skipped == 1);
  }
}

TEST_CASE("spoiled datagrams that are remembered count as memory too") {
  constexpr std::size_t kMemory = 32 << 10;
  Run run(kMemory);
  for (std::uint32_t i = 0; i < 3000; ++i) {
    run.add({.origin = {.version = 6, .id = i}, .offset = 8, .more = true, .data = filled(3, 1)});
    REQUIRE(run.defragmenter.memoryUsed() <= kMemory);
  }
  run.flush();
  CHECK(run.totals().malformed == 3000);
  CHECK(run.totals().evicted == 0);
  CHECK(run.skipped == 3000);
}

TEST_CASE("what says that it is a fragment and is whole goes its own way") {
  Run run;
  run.add({.origin = {.version = 6}, .more = true, .data = filled(16, 1)});
  run.add({.origin = {.version = 6}, .data = filled(30, 5)});  // atomic, RFC 6946
  run.add({.origin = {.version = 6}, .offset = 16, .data = filled(16, 17)});
  REQUIRE(run.out.size() == 2);
  CHECK(run.bytes(0) == Origin{.version = 6}.whole(filled(30, 5)));
  CHECK(run.bytes(1) == Origin{.version = 6}.whole(filled(32, 1)));
  run.add({.origin = {.version = 6}, .data = filled(30, 5), .captured = 60});
  CHECK_FALSE(run.out[2].whole);
  CHECK(run.totals().cut == 1);
  run.flush();
}

TEST_CASE("of two fragment headers the one that tells of more fragments counts") {
  // The first says "whole", the second is a fragment's.
  const auto fragment = [](std::uint16_t offsetAndMore, const ByteVector& data) {
    ByteVector payload = {44, 0, 0, 0, 0, 0, 0, 1, 17, 0};
    append16(payload, offsetAndMore);
    append32(payload, 2);
    append(payload, data);
    Captured captured(TwinFragment{});
    captured.frame = ByteVector(14, 0xEE);
    append(captured.frame, ipv6({.nextHeader = 44, .payload = payload}));
    captured.packet.record.data = captured.frame.data();
    captured.packet.ipEnd = captured.packet.record.capLength = captured.packet.record.origLength =
        static_cast<std::uint32_t>(captured.frame.size());
    return captured;
  };
  Run run;
  run.defragmenter.add(fragment(1, filled(8, 1)).packet, run.out, run.skipped);
  CHECK(run.out.empty());
  run.defragmenter.add(fragment(8, filled(8, 9)).packet, run.out, run.skipped);
  REQUIRE(run.out.size() == 1);
  ByteVector payload = {17, 0, 0, 0, 0, 0, 0, 1};
  append(payload, filled(16, 1));
  CHECK(run.bytes(0) == ipv6({.nextHeader = 44, .payload = payload}));
}

TEST_CASE("fragments of a datagram that was itself put together bring all its records") {
  Run run;
  run.add({.origin = {.tunnelDepth = 1}, .more = true, .data = filled(16, 1), .records = 3});
  run.add({.origin = {.tunnelDepth = 1}, .offset = 16, .data = filled(16, 1), .records = 2});
  REQUIRE(run.out.size() == 1);
  CHECK(run.out[0].records == 5);
  run.add({.origin = {.tunnelDepth = 1}, .more = true, .data = filled(16, 1), .records = 3});
  run.add({.origin = {.tunnelDepth = 1}, .more = true, .data = filled(16, 2), .records = 4});
  run.flush();
  CHECK(run.out[1].records == 3);
  CHECK(run.skipped == 4);
}

TEST_CASE("through the engine: a session of fragments, and a fragment in a fragment that nothing completes") {
  ExtractOptions options = plainOptions();
  options.view = View::kL7;
  const ByteVector message = filled(700, 1);
  PcapBuilder pcap;
  for (const TwinFragment& fragment : cutUp({}, udp({.payload = message}), 256))
    pcap.record(fragment.timeNs, ethernet(fragment.ip(), 0x0800));
  const Extracted whole = extractBytes(pcap.bytes(), options);
  REQUIRE(whole.rows.size() == 1);
  CHECK(whole.rows[0].image == padded(message));
  CHECK(whole.rows[0].initiatorPackets == 3);
  CHECK(whole.rows[0].initiatorBytes == 708 + 3 * 20);
  CHECK(whole.summary.fragments.datagrams == 1);

  // At the end of the file the outer one comes out as it is, and with it the inner one. Twice: nothing of
  // the first file may be left for the second.
  const ByteVector inner = TwinFragment{.more = true, .data = udp({.payload = filled(16, 1)})}.ip();
  ByteVector body = inner;
  body.resize(48);
  PcapBuilder nested;
  nested.record(
      1, ethernet(TwinFragment{.origin = {.id = 9, .protocol = 4}, .more = true, .data = body}.ip(), 0x0800));
  const TempFile file(nested.bytes());
  const Extracted got = extract({file.path(), file.path()}, options);
  REQUIRE(got.rows.size() == 2);
  for (const Row& row : got.rows) CHECK(row.image == padded(filled(16, 1)));
  CHECK(got.summary.fragments.incomplete == 4);
  CHECK(got.summary.sessionPackets == 2);
}

TEST_CASE("headers that are no fragment's are skipped") {
  const TwinFragment fragment{.origin = {.version = 6}, .more = true, .data = filled(16, 1)};
  for (std::uint32_t bytes = 0; bytes < 48; ++bytes) {
    Run run;
    Captured captured(fragment);
    captured.packet.ipEnd = 14 + bytes;
    run.defragmenter.add(captured.packet, run.out, run.skipped);
    CHECK(run.out.empty());
    CHECK(run.skipped == 1);
  }
  Captured captured(fragment);
  captured.frame[14] = 0x75;
  Fragment read;
  CHECK_FALSE(readFragment(captured.packet, read));
}

TEST_CASE("a length field of 0 is the record's length") {
  const TwinFragment fragment{.more = true, .data = filled(16, 1)};
  Captured captured(fragment);
  captured.frame[16] = captured.frame[17] = 0;
  captured.packet.record.capLength = captured.packet.ipEnd;
  captured.packet.record.origLength = captured.packet.ipEnd;
  Fragment read;
  REQUIRE(readFragment(captured.packet, read));
  CHECK(read.ipBytes == 36);
  CHECK(read.length == 16);
  CHECK(read.captured == 16);
}

namespace {

// Datagrams of few origins, cut up at random and damaged at random.
std::vector<TwinFragment> randomFragments(std::mt19937& random) {
  const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
  std::vector<TwinFragment> all;
  const std::uint32_t datagrams = 1 + below(8);
  for (std::uint32_t d = 0; d < datagrams; ++d) {
    Origin origin{.version = below(2) != 0 ? 4 : 6, .id = below(3), .tunnelDepth = std::uint8_t(below(2))};
    if (below(4) == 0) origin.hopByHop = true;
    const std::size_t size = 1 + (below(20) == 0 ? 65000 + below(535) : below(400));
    ByteVector data(size);
    // Few different bytes: overlaps are often repetitions.
    for (std::uint8_t& byte : data) byte = size > 1000 ? 7 : static_cast<std::uint8_t>(1 + below(2));
    const std::size_t step = size > 1000 ? 8 * (100 + below(200)) : 8 * (1 + below(8));
    std::vector<TwinFragment> fragments = cutUp(origin, data, step);
    if (fragments.size() == 1) continue;
    std::vector<TwinFragment> sent;
    for (TwinFragment fragment : fragments) {
      fragment.origin.ttl = static_cast<std::uint8_t>(60 + below(3));
      if (below(40) == 0 && origin.version == 4) fragment.origin.options = {7, 4, 0, 0};
      const auto length = static_cast<std::uint32_t>(fragment.data.size());
      if (below(12) == 0) sent.push_back(fragment);
      const std::uint32_t damage = below(60);
      if (damage == 0) continue;
      if (damage == 1) fragment.more = !fragment.more;
      if (damage == 2) fragment.data[below(length)] ^= 3;
      if (damage == 3) fragment.data.resize(below(length + 1));
      if (damage == 4) fragment.offset = std::min(65528u, fragment.offset + 8 * (1 + below(3)));
      if (damage == 5)
        fragment.captured = static_cast<std::uint32_t>(fragment.ip().size()) - std::min(below(20), length);
      if (damage == 6) fragment.offset = 65528;
      sent.push_back(fragment);
      if (below(15) != 0) continue;
      // Cut anew by a router on another way: all there already, or an overlap.
      const std::uint32_t from = below(static_cast<std::uint32_t>(size)) / 8 * 8;
      const std::size_t end = std::min<std::size_t>(from + 8, size);
      sent.push_back(
          {.origin = origin,
           .offset = from,
           .more = end < size,
           .data = ByteVector(data.begin() + from, data.begin() + static_cast<std::ptrdiff_t>(end))});
    }
    fragments = std::move(sent);
    switch (below(3)) {
      case 0:
        std::shuffle(fragments.begin(), fragments.end(), random);
        break;
      case 1:
        std::reverse(fragments.begin(), fragments.end());
        break;
      default:
        break;
    }
    // Between the others, keeping its own order.
    std::size_t at = 0;
    for (const TwinFragment& fragment : fragments) {
      at += below(static_cast<std::uint32_t>(all.size() - at + 1));
      // Whole ones have a test of their own: the twin knows none.
      if (fragment.offset == 0 && !fragment.more) continue;
      all.insert(all.begin() + static_cast<std::ptrdiff_t>(at++), fragment);
    }
  }
  std::int64_t now = 0;
  for (TwinFragment& fragment : all) {
    now += below(20) == 0 ? below(40) * kSecond : below(1000);
    if (below(60) == 0) now -= 35 * kSecond;
    fragment.timeNs = below(50) == 0 ? now + (std::int64_t{below(200)} - 100) * kSecond : now;
    fragment.records = below(10) == 0 ? 2 : 1;
  }
  return all;
}

}  // namespace

TEST_CASE("random fragments: what comes out, and when, equals the twin's") {
  std::uint64_t seen[7] = {};
  for (std::uint32_t seed = 0; seed < 1500; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    Run run;
    TwinDefragmenter twin(kTimeout);
    const auto same = [&] {
      REQUIRE(run.out.size() == twin.out.size());
      REQUIRE(run.skipped == twin.skipped);
    };
    for (const TwinFragment& fragment : randomFragments(random)) {
      run.add(fragment);
      twin.add(fragment);
      same();
    }
    run.flush();
    twin.flush();
    same();
    for (std::size_t i = 0; i < run.out.size(); ++i) {
      const Datagram& datagram = run.out[i];
      REQUIRE(TwinDatagram{run.bytes(i), datagram.record.timeNs, datagram.records, datagram.wireBytes,
                           datagram.whole} == twin.out[i]);
    }
    const FragmentTotals& totals = run.totals();
    REQUIRE(totals.datagrams == twin.totals.datagrams);
    REQUIRE(totals.incomplete == twin.totals.incomplete);
    REQUIRE(totals.overlapping == twin.totals.overlapping);
    REQUIRE(totals.malformed == twin.totals.malformed);
    REQUIRE(totals.cut == twin.totals.cut);
    REQUIRE(totals.duplicates == twin.totals.duplicates);
    REQUIRE(totals.evicted == 0);
    const std::uint64_t counts[] = {totals.datagrams, totals.incomplete, totals.overlapping, totals.malformed,
                                    totals.cut,       totals.duplicates, run.skipped};
    for (std::size_t i = 0; i < std::size(counts); ++i) seen[i] += counts[i];
  }
  for (const std::uint64_t count : seen) CHECK(count > 500);  // the random walk goes everywhere
}

TEST_SUITE_END();
