// Writes ended sessions as rows of a batch. Several threads may write different rows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "image/image_kernel.hpp"
#include "session/session_pool.hpp"
#include "session_batch.hpp"

namespace flowglyph {

// Counts over rows.
struct RowTotals {
  std::array<std::uint64_t, 256> sessions{};       // by protocol
  std::array<std::uint64_t, kEndReasons> ended{};  // by reason
  std::uint64_t shortened = 0, retransmissions = 0, outOfOrder = 0, gaps = 0;

  void add(const Session& session, EndReason reason, bool wasShortened);
  // TCP's counts are those of whole sessions: of one whose row went out early, when it ends.
  void addTcp(const Session& session);
  RowTotals& operator+=(const RowTotals& other);
};

class BatchWriter {
 public:
  // `buffer` holds layout.totalBytes; both must outlive the writer.
  BatchWriter(const BatchLayout& layout, std::span<std::byte> buffer, const ImageKernel& kernel);

  std::size_t room() const { return layout_.capacity - rows_; }
  std::size_t rows() const { return rows_; }
  void advance(std::size_t rows) { rows_ += rows; }
  // Row rows() + `ahead`.
  void write(std::size_t ahead, SessionPool& pool, std::uint32_t slot, EndReason reason) const;

 private:
  template <typename T>
  void put(std::size_t row, Column column, T value) const;
  void putBytes(std::size_t row, Column column, const void* from) const;

  const BatchLayout& layout_;
  std::uint8_t* base_;
  void (*emitImage_)(std::uint8_t* to, const std::uint8_t* from, std::size_t length);
  std::size_t rows_ = 0;
};

}  // namespace flowglyph
