#include "session/batch_writer.hpp"

#include <cstring>
#include <stdexcept>

namespace flowglyph {

BatchWriter::BatchWriter(const BatchLayout& layout, std::span<std::byte> buffer, const ImageKernel& kernel)
    : layout_(layout), base_(reinterpret_cast<std::uint8_t*>(buffer.data())), emitImage_(kernel.emitImage) {
  if (buffer.size() < layout.totalBytes) {
    throw std::invalid_argument("expected a batch buffer of at least " + std::to_string(layout.totalBytes) +
                                " bytes, received " + std::to_string(buffer.size()));
  }
}

template <typename T>
void BatchWriter::put(Column column, T value) {
  std::memcpy(base_ + layout_[column] + rows_ * sizeof(T), &value, sizeof(T));
}

void BatchWriter::putBytes(Column column, const void* from, std::size_t length) {
  std::memcpy(base_ + layout_[column] + rows_ * layout_.rowBytes(column), from, length);
}

void BatchWriter::write(const Session& session, const std::uint8_t* image, EndReason reason,
                        std::uint32_t captureGroup) {
  emitImage_(base_ + layout_[Column::kImages] + rows_ * kImageBytes, image, session.imageFill);
  put(Column::kStartNs, session.startNs);
  put(Column::kEndNs, session.lastNs);
  put(Column::kInitiatorBytes, session.bytes[0]);
  put(Column::kResponderBytes, session.bytes[1]);
  put(Column::kInitiatorPackets, session.packets[0]);
  put(Column::kResponderPackets, session.packets[1]);
  put(Column::kCaptureGroup, captureGroup);
  const SessionKey& key = session.key;
  const bool low = session.initiatorIsLow;
  putBytes(Column::kInitiatorAddress, &key.words[low ? 0 : 2], 16);
  putBytes(Column::kResponderAddress, &key.words[low ? 2 : 0], 16);
  put(Column::kInitiatorPort, low ? key.lowPort() : key.highPort());
  put(Column::kResponderPort, low ? key.highPort() : key.lowPort());
  put(Column::kImageBytes, session.imageFill);
  put(Column::kIpVersion, key.ipVersion());
  put(Column::kProtocol, key.protocol());
  put(Column::kEndReason, static_cast<std::uint8_t>(reason));
  ++rows_;
}

}  // namespace flowglyph
