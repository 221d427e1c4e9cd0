#include "session/packet_feed.hpp"

#include <algorithm>

namespace flowglyph {
namespace {

// RFC 8200 section 4.5: 60 s after the first fragment; RFC 791 leaves it open.
constexpr std::uint64_t kFragmentTimeoutNs = 60'000'000'000;

}  // namespace

void PacketList::grow() {
  const std::size_t capacity = std::max<std::size_t>(capacity_ * 2, 128);
  auto larger = std::make_unique_for_overwrite<Packet[]>(capacity);
  std::copy_n(packets_.get(), size_, larger.get());
  packets_ = std::move(larger);
  capacity_ = capacity;
}

void PacketChunk::clear() {
  packets.clear();
  ticks.clear();
  for (auto& list : shards) list.clear();
  held.clear();
  datagrams.clear();
  endOfFile = waiting = end = false;
  error.reset();
}

std::size_t PacketFeed::fragmentBytes(std::size_t memoryBytes) {
  return std::min<std::size_t>(memoryBytes / 16, std::size_t{16} << 20);
}

PacketFeed::PacketFeed(std::vector<std::string> paths, const ExtractOptions& options, std::size_t shards)
    // View pcap holds frames as captured: a datagram that was put together has none.
    : parse_{options.decap, options.protocols, options.view != View::kPcap},
      shards_(shards),
      source_(std::move(paths), options),
      clock_(options.idleTimeoutNs),
      defragmenter_(fragmentBytes(options.memoryBytes), kFragmentTimeoutNs) {}

void PacketFeed::fill(PacketChunk& chunk, std::size_t wanted) {
  chunk.clear();
  chunk.shards.resize(shards_);
  // A capture without a packet for sessions must come back too: whoever waits wants to see progress, and to
  // stop it.
  const std::uint64_t lastRecord = counts_.records + 4 * wanted;
  while (chunk.packets.size() < wanted && counts_.records < lastRecord) {
    const std::size_t room = std::min(kGroup, wanted - chunk.packets.size());
    const RecordSource::Result got = source_.read(std::span(records_).first(room));
    if (got.status == RecordSource::Status::kRecords) {
      for (std::size_t i = 0; i < got.count; ++i) take(chunk, records_[i]);
      source_.hold(chunk.held);
      continue;
    }
    if (got.status == RecordSource::Status::kWaiting) chunk.waiting = true;
    if (got.status == RecordSource::Status::kEnd) chunk.end = true;
    if (got.status == RecordSource::Status::kFailed) chunk.error = source_.error();
    if (got.status == RecordSource::Status::kEndOfFile) {
      chunk.endOfFile = true;
      // What comes out may hold a fragment in a tunnel, which has to come out too: tunnels end.
      std::uint64_t lost = 0;
      for (;;) {
        defragmenter_.flush(done_, lost);
        if (done_.empty()) break;
        takeDatagrams(chunk);
      }
      counts_.skipped[static_cast<std::size_t>(SkipReason::kFragmentTail)] += lost;
      clock_.restart();
    }
    return;
  }
}

void PacketFeed::take(PacketChunk& chunk, const Record& record) {
  ++counts_.records;
  const Linktype* row = rowOf(record.linktype);
  if (record.linktype != kNoLinktype) ++counts_.linktypes[cachedCount_].second;
  Packet& packet = chunk.packets.append();
  const SkipReason reason = parsePacket(record, row, parse_, packet);
  counts_.layers.add(packet.layers);
  if (reason == SkipReason::kNone) return keep(chunk);
  if (reason != SkipReason::kFragment) {
    ++counts_.skipped[static_cast<std::size_t>(reason)];
    chunk.packets.dropLast();
    return;
  }
  const Packet fragment = packet;
  chunk.packets.dropLast();
  std::uint64_t lost = 0;
  defragmenter_.add(fragment, done_, lost);
  counts_.skipped[static_cast<std::size_t>(SkipReason::kFragmentTail)] += lost;
  takeDatagrams(chunk);
}

// A datagram may hold a fragment of another, in a tunnel: then there is more to take.
void PacketFeed::takeDatagrams(PacketChunk& chunk) {
  for (std::size_t i = 0; i < done_.size(); ++i) {
    Packet& packet = chunk.packets.append();
    packet.layers = done_[i].layers;
    packet.tunnelDepth = done_[i].tunnelDepth;
    const SkipReason reason = parseDatagram(done_[i].record, parse_, packet);
    packet.records = done_[i].records;
    if (reason == SkipReason::kNone) {
      if (packet.tunnelDepth == done_[i].tunnelDepth) packet.ipBytes = done_[i].wireBytes;
      chunk.datagrams.push_back(std::move(done_[i]));
      keep(chunk);
      continue;
    }
    const Packet skipped = packet;
    chunk.packets.dropLast();
    if (reason != SkipReason::kFragment) {
      counts_.skipped[static_cast<std::size_t>(reason)] += skipped.records;
      continue;
    }
    std::uint64_t lost = 0;
    defragmenter_.add(skipped, done_, lost);
    counts_.skipped[static_cast<std::size_t>(SkipReason::kFragmentTail)] += lost;
  }
  done_.clear();
}

void PacketFeed::keep(PacketChunk& chunk) {
  Packet& packet = chunk.packets.back();
  counts_.sessionRecords += packet.records;
  const auto index = static_cast<std::uint32_t>(chunk.packets.size() - 1);
  const std::uint64_t hash = hash_(packet.key);
  if (clock_.moves(packet.record.timeNs)) chunk.ticks.push_back(clock_.move(index, packet.record.timeNs));
  chunk.shards[shardOf(hash, shards_)].push_back({index, static_cast<std::uint32_t>(hash)});
}

const Linktype* PacketFeed::rowOf(std::uint16_t number) {
  if (number == cachedNumber_) return cachedRow_;
  cachedNumber_ = number;
  cachedRow_ = findLinktype(number);
  if (number != kNoLinktype) {
    auto& counts = counts_.linktypes;
    const auto known =
        std::find_if(counts.begin(), counts.end(), [&](const auto& entry) { return entry.first == number; });
    cachedCount_ = static_cast<std::size_t>(known - counts.begin());
    if (known == counts.end()) counts.emplace_back(number, 0);
  }
  return cachedRow_;
}

}  // namespace flowglyph
