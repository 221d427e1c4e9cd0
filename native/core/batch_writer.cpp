#include "batch_writer.hpp"

#include <cstring>
#include <stdexcept>

namespace flowglyph {
namespace {

constexpr std::size_t kColumnAlignment = 64;
constexpr std::size_t kAddressBytes = 16;

}  // namespace

BatchLayout::BatchLayout(std::size_t capacity) : capacity(capacity) {
  std::size_t at = 0;
  const auto column = [&](std::size_t bytesPerRow) {
    const std::size_t offset = at;
    at += (capacity * bytesPerRow + kColumnAlignment - 1) / kColumnAlignment * kColumnAlignment;
    return offset;
  };
  images = column(kImageBytes);
  startNs = column(8);
  endNs = column(8);
  initiatorBytes = column(8);
  responderBytes = column(8);
  initiatorPackets = column(4);
  responderPackets = column(4);
  captureGroup = column(4);
  initiatorAddress = column(kAddressBytes);
  responderAddress = column(kAddressBytes);
  initiatorPort = column(2);
  responderPort = column(2);
  imageBytes = column(2);
  ipVersion = column(1);
  protocol = column(1);
  endReason = column(1);
  totalBytes = at;
}

BatchWriter::BatchWriter(const BatchLayout& layout, std::span<std::byte> buffer, const ImageKernel& kernel)
    : layout_(layout), base_(reinterpret_cast<std::uint8_t*>(buffer.data())), emitImage_(kernel.emitImage) {
  if (buffer.size() < layout.totalBytes) {
    throw std::invalid_argument("expected a batch buffer of at least " + std::to_string(layout.totalBytes) +
                                " bytes, received " + std::to_string(buffer.size()));
  }
}

template <typename T>
void BatchWriter::put(std::size_t column, T value) {
  std::memcpy(base_ + column + rows_ * sizeof(T), &value, sizeof(T));
}

void BatchWriter::write(const Session& session, const std::uint8_t* image, EndReason reason,
                        std::uint32_t captureGroup) {
  emitImage_(base_ + layout_.images + rows_ * kImageBytes, image, session.imageFill);
  put(layout_.startNs, session.startNs);
  put(layout_.endNs, session.lastNs);
  put(layout_.initiatorBytes, session.bytes[0]);
  put(layout_.responderBytes, session.bytes[1]);
  put(layout_.initiatorPackets, session.packets[0]);
  put(layout_.responderPackets, session.packets[1]);
  put(layout_.captureGroup, captureGroup);
  const SessionKey& key = session.key;
  const bool low = session.initiatorIsLow;
  std::memcpy(base_ + layout_.initiatorAddress + rows_ * kAddressBytes, &key.words[low ? 0 : 2],
              kAddressBytes);
  std::memcpy(base_ + layout_.responderAddress + rows_ * kAddressBytes, &key.words[low ? 2 : 0],
              kAddressBytes);
  put(layout_.initiatorPort, low ? key.lowPort() : key.highPort());
  put(layout_.responderPort, low ? key.highPort() : key.lowPort());
  put(layout_.imageBytes, session.imageFill);
  put(layout_.ipVersion, key.ipVersion());
  put(layout_.protocol, key.protocol());
  put(layout_.endReason, static_cast<std::uint8_t>(reason));
  ++rows_;
}

}  // namespace flowglyph
