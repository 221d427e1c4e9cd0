// The decompressed bytes of a compressed source: any number of streams of one format, one after the other.
// Bounded whatever the data say: it decodes into the reader's own block.
#pragma once

#include <memory>
#include <string>

#include "bytes.hpp"
#include "input/byte_source.hpp"
#include "input/compression.hpp"

namespace flowglyph {

class DecodingSource final : public ByteSource {
 public:
  // `start` was read from `from` already, the first bytes of all.
  DecodingSource(const Compression& compression, std::unique_ptr<ByteSource> from, Bytes start);

  std::size_t read(std::span<std::uint8_t> room) override;
  void waitUntil(Clock::time_point deadline, const std::atomic<bool>& stop) override {
    from_->waitUntil(deadline, stop);
  }
  bool live() const override { return from_->live(); }
  bool waiting() const override { return waiting_; }
  bool finished() const override { return from_->finished(); }
  int readError() const override { return from_->readError(); }
  std::uint64_t bytesRead() const override { return from_->bytesRead(); }
  const std::optional<CaptureDamage>& damage() const override { return damage_; }
  const std::string& note() const override { return from_->note(); }

 private:
  enum class Next : std::uint8_t { kStream, kNeedsMore, kDamaged };

  bool fill();  // false in silence, at the end and when what is there is damaged
  Next nextStream();
  Bytes unread() const { return {buffer_.get() + begin_, end_ - begin_}; }
  void stop(bool truncated, std::string what);

  const Compression& compression_;
  std::unique_ptr<ByteSource> from_;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<std::uint8_t[]> buffer_;
  std::size_t begin_ = 0, end_ = 0;
  bool betweenStreams_ = true, anyStream_ = false;
  bool waiting_ = false, ended_ = false;
  std::optional<CaptureDamage> damage_;
};

}  // namespace flowglyph
