#include "session_batch.hpp"

namespace flowglyph {
namespace {

constexpr std::size_t kColumnAlignment = 64;

}  // namespace

BatchLayout::BatchLayout(std::size_t rows, std::size_t steps) : capacity(rows), sequence(steps) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < kColumns; ++i) {
    offsets[i] = at;
    const std::size_t bytes = capacity * rowBytes(static_cast<Column>(i));
    at += (bytes + kColumnAlignment - 1) / kColumnAlignment * kColumnAlignment;
  }
  totalBytes = at;
}

std::size_t BatchLayout::width(Column column) const {
  const std::uint16_t width = kColumnTable[static_cast<std::size_t>(column)].width;
  return width == kPerSequence ? sequence : width;
}

std::size_t BatchLayout::rowBytes(Column column) const {
  return width(column) * bytesOf(kColumnTable[static_cast<std::size_t>(column)].type);
}

BatchLayout BatchLayout::after(std::size_t rows) const {
  BatchLayout rest = *this;
  rest.capacity -= rows;
  for (std::size_t i = 0; i < kColumns; ++i) rest.offsets[i] += rows * rowBytes(static_cast<Column>(i));
  return rest;
}

}  // namespace flowglyph
