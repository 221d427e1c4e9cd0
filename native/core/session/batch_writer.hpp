// Writes ended sessions as rows of a batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "image/image_kernel.hpp"
#include "session/session.hpp"
#include "session_batch.hpp"

namespace flowglyph {

class BatchWriter {
 public:
  // `buffer` holds layout.totalBytes; both must outlive the writer.
  BatchWriter(const BatchLayout& layout, std::span<std::byte> buffer, const ImageKernel& kernel);

  bool full() const { return rows_ == layout_.capacity; }
  std::size_t rows() const { return rows_; }
  void write(const Session& session, const std::uint8_t* image, EndReason reason, std::uint32_t captureGroup);

 private:
  template <typename T>
  void put(Column column, T value);
  void putBytes(Column column, const void* from, std::size_t length);

  const BatchLayout& layout_;
  std::uint8_t* base_;
  void (*emitImage_)(std::uint8_t* to, const std::uint8_t* from, std::size_t length);
  std::size_t rows_ = 0;
};

}  // namespace flowglyph
