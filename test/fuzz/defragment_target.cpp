// The defragmenter: fragments of few datagrams in any order, against the twin of one cell a byte; the same
// with too little memory; and raw bytes as fragments. No record is lost or counted twice, memory stays
// bounded.
//
// Input: u8 mode, u8 memory; then either fragments of 8 bytes, or raw ones: u8 length and bytes.
#include <cstring>
#include <optional>
#include <vector>

#include "stream/defragmenter.hpp"
#include "support/check.hpp"
#include "support/draw.hpp"
#include "support/exact_bytes.hpp"
#include "support/twin_defragmenter.hpp"

namespace {

using namespace flowglyph;
using namespace flowglyph::fuzz;
using test::TwinFragment;

constexpr std::uint64_t kTimeoutNs = 30'000'000'000;
constexpr std::size_t kMostFragments = 64;

// Feeds fragments and keeps the books.
class Run {
 public:
  Run(std::size_t memoryBytes, std::uint64_t timeoutNs)
      : memoryBytes_(memoryBytes), defragmenter_(memoryBytes, timeoutNs) {}

  void add(Bytes ip, std::uint32_t wireBytes, std::int64_t timeNs, std::uint32_t records,
           std::uint8_t depth) {
    const ExactBytes bytes(ip, 2);
    Packet packet;
    std::memset(static_cast<void*>(&packet), 0xA5, sizeof packet);
    packet.record = {timeNs, bytes.data(), bytes.size(), wireBytes, 1};
    packet.linktype = nullptr;
    packet.ipOffset = packet.outerOffset = 0;
    packet.ipEnd = bytes.size();
    packet.records = records;
    packet.layers = layerBit(Layer::kFragment);
    packet.tunnelDepth = depth;
    in_ += records;
    defragmenter_.add(packet, out, skipped);
    FUZZ_CHECK(defragmenter_.memoryUsed() <= memoryBytes_);
    checkNew();
  }
  void advance(std::int64_t timeNs) {
    defragmenter_.advance(timeNs, out, skipped);
    checkNew();
  }
  void flush() {
    defragmenter_.flush(out, skipped);
    checkNew();
    FUZZ_CHECK(skipped + out_ == in_);
  }
  const FragmentTotals& totals() const { return defragmenter_.totals(); }

  std::vector<Datagram> out;
  std::uint64_t skipped = 0;

 private:
  void checkNew() {
    for (; checked_ < out.size(); ++checked_) {
      const Datagram& datagram = out[checked_];
      FUZZ_CHECK(datagram.length > 0 && datagram.record.data == datagram.bytes.get() &&
                 datagram.record.capLength == datagram.length);
      FUZZ_CHECK(!datagram.whole || datagram.length <= 40 + 65535);
      FUZZ_CHECK(datagram.records > 0);
      FUZZ_CHECK(datagram.tunnelDepth <= 1 && datagram.layers == layerBit(Layer::kFragment));
      const std::uint8_t version = datagram.bytes[0] >> 4;
      FUZZ_CHECK(version == 4 || version == 6);
      out_ += datagram.records;
      // To its last byte.
      for (std::size_t i = 0; i < datagram.length; ++i) sum_ = sum_ + datagram.bytes[i];
    }
    FUZZ_CHECK(skipped + out_ <= in_);
  }

  std::size_t memoryBytes_;
  Defragmenter defragmenter_;
  std::uint64_t in_ = 0, out_ = 0;
  std::size_t checked_ = 0;
  volatile std::uint8_t sum_ = 0;
};

std::uint8_t contentOf(const test::Origin& origin, std::size_t at) {
  return static_cast<std::uint8_t>((at ^ at >> 8) + origin.id * 31);
}

// 8 bytes: identity, what is odd about it, u16 offset, u16 length, time, captured.
std::optional<TwinFragment> drawFragment(Draw& draw, std::int64_t& now) {
  const std::uint8_t identity = draw.u8(), odd = draw.u8();
  const std::uint16_t offset = draw.u16(), length = draw.u16();
  const std::uint8_t time = draw.u8(), cut = draw.u8();
  TwinFragment fragment;
  fragment.origin.version = (identity & 1) != 0 ? 6 : 4;
  fragment.origin.id = identity >> 1 & 3;
  fragment.origin.tunnelDepth = identity >> 3 & 1;
  fragment.origin.hopByHop = (identity & 0x10) != 0;
  if ((identity & 0x20) != 0) fragment.origin.options = {7, 4, 0, 0};
  fragment.origin.ttl = identity;
  // Mostly small, so that fragments meet; anything that the fields can say now and then.
  fragment.offset = (odd & 0x40) != 0 ? offset & 0xFFF8 : offset % 16 * 8;
  std::size_t bytes = (odd & 0x20) != 0 ? length % 3000 : length % 8 * 8;
  if ((odd & 0x10) != 0) bytes += length >> 13;
  fragment.data.resize(bytes);
  for (std::size_t i = 0; i < bytes; ++i) fragment.data[i] = contentOf(fragment.origin, fragment.offset + i);
  if ((odd & 0x0E) == 0x0E && bytes != 0) fragment.data[length % bytes] ^= 0x55;
  fragment.more = (odd & 1) == 0;
  if ((odd & 0x80) != 0) fragment.records = 2;
  now += time < 200   ? time
         : time < 240 ? (time - 200) * std::int64_t{1'000'000'000}
                      : -(time - 240) * std::int64_t{5'000'000'000};
  fragment.timeNs = now;
  if (cut > 240) {
    const std::size_t whole = fragment.ip().size();
    fragment.captured = static_cast<std::uint32_t>(whole - std::min<std::size_t>(bytes, cut - 240u));
  }
  // Whole ones are no fragments: the twin knows none.
  if (fragment.offset == 0 && !fragment.more) return std::nullopt;
  return fragment;
}

void add(Run& run, const TwinFragment& fragment) {
  run.add(fragment.capturedIp(), static_cast<std::uint32_t>(fragment.ip().size()), fragment.timeNs,
          fragment.records, fragment.origin.tunnelDepth);
}

void againstTwin(Draw& draw) {
  Run run(std::size_t{64} << 20, kTimeoutNs);
  test::TwinDefragmenter twin(kTimeoutNs);
  std::int64_t now = 0;
  for (std::size_t i = 0; !draw.empty() && i < kMostFragments; ++i) {
    const auto fragment = drawFragment(draw, now);
    if (!fragment) continue;
    add(run, *fragment);
    twin.add(*fragment);
    FUZZ_CHECK(run.out.size() == twin.out.size() && run.skipped == twin.skipped);
  }
  run.flush();
  twin.flush();
  FUZZ_CHECK(run.out.size() == twin.out.size() && run.skipped == twin.skipped);
  for (std::size_t i = 0; i < run.out.size(); ++i) {
    const Datagram& got = run.out[i];
    const test::TwinDatagram& expected = twin.out[i];
    FUZZ_CHECK(std::equal(expected.bytes.begin(), expected.bytes.end(), got.bytes.get(),
                          got.bytes.get() + got.length));
    FUZZ_CHECK(got.record.timeNs == expected.timeNs && got.records == expected.records &&
               got.wireBytes == expected.wireBytes && got.whole == expected.whole);
  }
  const FragmentTotals& totals = run.totals();
  FUZZ_CHECK(totals.datagrams == twin.totals.datagrams && totals.incomplete == twin.totals.incomplete &&
             totals.overlapping == twin.totals.overlapping && totals.malformed == twin.totals.malformed &&
             totals.cut == twin.totals.cut && totals.duplicates == twin.totals.duplicates &&
             totals.evicted == 0);
}

void withLittleMemory(Draw& draw, std::size_t memoryBytes) {
  Run run(memoryBytes, kTimeoutNs);
  std::int64_t now = 0;
  for (std::size_t i = 0; !draw.empty() && i < kMostFragments; ++i) {
    const auto fragment = drawFragment(draw, now);
    if (fragment) {
      add(run, *fragment);
    } else {
      run.advance(now);
    }
  }
  run.flush();
}

void raw(Draw& draw, std::size_t memoryBytes, std::uint64_t timeoutNs) {
  Run run(memoryBytes, timeoutNs);
  for (std::size_t i = 0; !draw.empty() && i < kMostFragments; ++i) {
    const Bytes ip = draw.take(draw.u8());
    const std::uint16_t more = draw.u16();
    const auto time = static_cast<std::int64_t>(draw.u64());
    if (ip.empty()) {
      run.advance(time);
    } else {
      run.add(ip, static_cast<std::uint32_t>(ip.size()) + more, time, 1 + more % 3, more % 2);
    }
  }
  run.flush();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Draw draw({data, size});
  const std::uint8_t mode = draw.u8();
  // The table of an empty defragmenter has to fit.
  const std::size_t memoryBytes = 1024 + draw.u8() * std::size_t{64};
  switch (mode % 4) {
    case 2:
      withLittleMemory(draw, memoryBytes);
      break;
    case 3:
      raw(draw, mode < 128 ? memoryBytes : std::size_t{1} << 20, mode % 8 < 4 ? kTimeoutNs : 0);
      break;
    default:
      againstTwin(draw);
  }
  return 0;
}
