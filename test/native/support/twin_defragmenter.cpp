#include "twin_defragmenter.hpp"

#include <algorithm>

namespace flowglyph::test {

std::uint32_t Origin::fixedBytes() const {
  return version == 4 ? 20 + static_cast<std::uint32_t>(options.size()) : hopByHop ? 8 : 0;
}

ByteVector Origin::fragment(std::uint32_t offset, bool more, const ByteVector& data) const {
  if (version == 4) {
    return ipv4({.source = 0x0A000000u + source,
                 .destination = 0x0A000000u + destination,
                 .protocol = protocol,
                 .ttl = ttl,
                 .id = static_cast<std::uint16_t>(id),
                 .flagsAndOffset = static_cast<std::uint16_t>(offset / 8 | (more ? 0x2000 : 0)),
                 .options = options,
                 .payload = data});
  }
  ByteVector payload;
  if (hopByHop) append(payload, {44, 0, 1, 4, 0, 0, 0, 0});
  payload.push_back(protocol);
  payload.push_back(0);
  append16(payload, static_cast<std::uint16_t>(offset | (more ? 1 : 0)));
  append32(payload, id);
  append(payload, data);
  return ipv6({.source = source,
               .destination = destination,
               .nextHeader = static_cast<std::uint8_t>(hopByHop ? 0 : 44),
               .hopLimit = ttl,
               .payload = payload});
}

ByteVector Origin::whole(const ByteVector& data) const {
  if (version == 4) {
    return ipv4({.source = 0x0A000000u + source,
                 .destination = 0x0A000000u + destination,
                 .protocol = protocol,
                 .ttl = ttl,
                 .id = static_cast<std::uint16_t>(id),
                 .flagsAndOffset = 0,
                 .options = options,
                 .payload = data});
  }
  ByteVector payload;
  if (hopByHop) append(payload, {protocol, 0, 1, 4, 0, 0, 0, 0});
  append(payload, data);
  return ipv6({.source = source,
               .destination = destination,
               .nextHeader = hopByHop ? std::uint8_t{0} : protocol,
               .hopLimit = ttl,
               .payload = payload});
}

ByteVector TwinFragment::capturedIp() const {
  ByteVector bytes = ip();
  if (captured < bytes.size()) bytes.resize(captured);
  return bytes;
}

bool TwinDefragmenter::apart(std::int64_t a, std::int64_t b) const {
  return static_cast<std::uint64_t>(std::abs(a - b)) >= timeoutNs_;
}

void TwinDefragmenter::emitAlone(const TwinFragment& first) {
  out.push_back({first.capturedIp(), first.timeNs, first.records,
                 static_cast<std::uint32_t>(first.ip().size()), false});
}

void TwinDefragmenter::giveUp(Waiting& datagram, std::uint64_t& counter) {
  if (datagram.givenUp) return;
  ++counter;
  datagram.givenUp = true;
  skipped += datagram.records;
  if (datagram.first) {
    emitAlone(*datagram.first);
    skipped -= datagram.first->records;
  }
}

void TwinDefragmenter::tellTime(std::int64_t now) {
  if (times_.empty()) {
    times_ = {now};
  } else if (!apart(times_[0], now)) {
    times_ = {std::max(times_[0], now)};
  } else if (times_.size() == 2 && !apart(times_[1], now)) {
    times_ = {now};
  } else {
    times_ = {times_[0], now};
  }
  while (!waiting_.empty() && apart(times_[0], waiting_.front().openedNs)) {
    giveUp(waiting_.front(), totals.incomplete);
    waiting_.pop_front();
  }
}

void TwinDefragmenter::add(const TwinFragment& fragment) {
  tellTime(fragment.timeNs);
  const auto key = fragment.origin.key();
  auto at = std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& w) { return w.key == key; });
  if (at != waiting_.end() && apart(at->openedNs, fragment.timeNs)) {
    giveUp(*at, totals.incomplete);
    waiting_.erase(at);
    at = waiting_.end();
  }
  if (at == waiting_.end()) {
    waiting_.push_back({.key = key, .openedNs = fragment.timeNs});
    at = std::prev(waiting_.end());
  }
  Waiting& datagram = *at;
  const std::size_t end = fragment.offset + fragment.data.size();
  const std::size_t wire = fragment.ip().size();

  if (!datagram.givenUp) {
    const bool cut = fragment.captured < wire;
    bool malformed = fragment.data.empty() || (fragment.more && fragment.data.size() % 8 != 0) ||
                     fragment.origin.fixedBytes() + end > 65535;
    std::size_t covered = 0, different = 0;
    if (!malformed) {
      if (datagram.cells.size() < end) datagram.cells.resize(end, -1);
      if (datagram.total) malformed |= fragment.more ? end >= *datagram.total : end != *datagram.total;
      if (!fragment.more)
        for (std::size_t i = end; i < datagram.cells.size(); ++i) malformed |= datagram.cells[i] >= 0;
      for (std::size_t i = 0; i < fragment.data.size(); ++i) {
        const int cell = datagram.cells[fragment.offset + i];
        covered += cell >= 0;
        different += cell >= 0 && cell != fragment.data[i];
      }
    }
    // Not fit for anything and cut as well: the brokenness of its header is told first, the rest after.
    const bool header = fragment.data.empty() || (fragment.more && fragment.data.size() % 8 != 0) ||
                        fragment.origin.fixedBytes() + end > 65535;
    if (header || (!cut && malformed)) {
      giveUp(datagram, totals.malformed);
    } else if (cut) {
      giveUp(datagram, totals.cut);
    } else if (covered == fragment.data.size() && different == 0) {
      ++totals.duplicates;
      skipped += fragment.records;
      return;
    } else if (covered != 0) {
      giveUp(datagram, totals.overlapping);
    } else {
      for (std::size_t i = 0; i < fragment.data.size(); ++i)
        datagram.cells[fragment.offset + i] = fragment.data[i];
      if (!fragment.more) datagram.total = end;
      if (fragment.offset == 0) datagram.first = fragment;
      datagram.records += fragment.records;
      datagram.wireBytes += static_cast<std::uint32_t>(wire);
      if (!datagram.total) return;
      ByteVector data;
      for (std::size_t i = 0; i < *datagram.total; ++i) {
        if (datagram.cells[i] < 0) return;
        data.push_back(static_cast<std::uint8_t>(datagram.cells[i]));
      }
      if (datagram.first->origin.fixedBytes() + *datagram.total > 65535)
        return giveUp(datagram, totals.malformed);
      ++totals.datagrams;
      out.push_back(
          {datagram.first->origin.whole(data), fragment.timeNs, datagram.records, datagram.wireBytes, true});
      waiting_.erase(at);
      return;
    }
  }
  if (fragment.offset == 0 && !datagram.first) {
    datagram.first = fragment;
    emitAlone(fragment);
  } else {
    skipped += fragment.records;
  }
}

void TwinDefragmenter::flush() {
  for (Waiting& datagram : waiting_) giveUp(datagram, totals.incomplete);
  waiting_.clear();
  times_.clear();
}

}  // namespace flowglyph::test
