#include "session/batch_writer.hpp"

#include <cstring>
#include <stdexcept>
#include <string>

namespace flowglyph {

void RowTotals::add(const Session& session, EndReason reason, bool wasShortened) {
  ++sessions[session.key.protocol()];
  ++ended[static_cast<std::size_t>(reason)];
  shortened += wasShortened ? 1 : 0;
  if (reason != EndReason::kEarly) addTcp(session);
}

void RowTotals::addTcp(const Session& session) {
  retransmissions += session.tcp.retransmissions;
  outOfOrder += session.tcp.outOfOrder;
  gaps += session.tcp.gaps;
}

RowTotals& RowTotals::operator+=(const RowTotals& other) {
  for (std::size_t i = 0; i < sessions.size(); ++i) sessions[i] += other.sessions[i];
  for (std::size_t i = 0; i < ended.size(); ++i) ended[i] += other.ended[i];
  shortened += other.shortened;
  retransmissions += other.retransmissions;
  outOfOrder += other.outOfOrder;
  gaps += other.gaps;
  return *this;
}

BatchWriter::BatchWriter(const BatchLayout& layout, std::span<std::byte> buffer, const ImageKernel& kernel)
    : layout_(layout), base_(reinterpret_cast<std::uint8_t*>(buffer.data())), emitImage_(kernel.emitImage) {
  if (buffer.size() < layout.totalBytes) {
    throw std::invalid_argument("expected a batch buffer of at least " + std::to_string(layout.totalBytes) +
                                " bytes, received " + std::to_string(buffer.size()));
  }
}

template <typename T>
void BatchWriter::put(std::size_t row, Column column, T value) const {
  std::memcpy(base_ + layout_[column] + row * sizeof(T), &value, sizeof(T));
}

void BatchWriter::putBytes(std::size_t row, Column column, const void* from) const {
  const std::size_t length = layout_.rowBytes(column);
  std::memcpy(base_ + layout_[column] + row * length, from, length);
}

void BatchWriter::write(std::size_t ahead, SessionPool& pool, std::uint32_t slot, EndReason reason) const {
  const std::size_t row = rows_ + ahead;
  const Session& session = pool.session(slot);
  emitImage_(base_ + layout_[Column::kImages] + row * kImageBytes, pool.image(slot), session.imageFill);
  put(row, Column::kStartNs, session.startNs);
  put(row, Column::kEndNs, session.lastNs);
  put(row, Column::kInitiatorBytes, session.bytes[0]);
  put(row, Column::kResponderBytes, session.bytes[1]);
  put(row, Column::kInitiatorPackets, session.packets[0]);
  put(row, Column::kResponderPackets, session.packets[1]);
  put(row, Column::kCaptureGroup, std::uint32_t{session.captureGroup});
  put(row, Column::kRetransmissions, session.tcp.retransmissions);
  put(row, Column::kOutOfOrder, session.tcp.outOfOrder);
  put(row, Column::kGaps, session.tcp.gaps);
  put(row, Column::kGapBytes, session.tcp.gapBytes);
  const SessionKey& key = session.key;
  const bool low = session.initiatorIsLow != 0;
  putBytes(row, Column::kInitiatorAddress, &key.words[low ? 0 : 2]);
  putBytes(row, Column::kResponderAddress, &key.words[low ? 2 : 0]);
  put(row, Column::kInitiatorPort, low ? key.lowPort() : key.highPort());
  put(row, Column::kResponderPort, low ? key.highPort() : key.lowPort());
  put(row, Column::kImageBytes, static_cast<std::uint16_t>(session.imageFill));
  put(row, Column::kIpVersion, key.ipVersion());
  put(row, Column::kProtocol, key.protocol());
  put(row, Column::kEndReason, static_cast<std::uint8_t>(reason));
  put(row, Column::kInitiatorTcpFlags, session.tcpFlags[0]);
  put(row, Column::kResponderTcpFlags, session.tcpFlags[1]);
  put(row, Column::kTunnelDepth, static_cast<std::uint8_t>(session.tunnelDepth));
  const SequenceFormat& format = pool.sequenceFormat();
  const std::uint8_t* sequence = pool.sequence(slot);
  put(row, Column::kSequenceCount, format.count(sequence));
  if (layout_.sequence == 0) return;
  putBytes(row, Column::kSequenceGapNs, format.gaps(sequence));
  putBytes(row, Column::kSequenceLength, format.lengths(sequence));
  putBytes(row, Column::kSequenceDirection, format.directions(sequence));
}

}  // namespace flowglyph
