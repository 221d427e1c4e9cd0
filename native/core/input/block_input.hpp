// A source of bytes, read in large blocks. Only what straddles the edge of a block is moved.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "input/block.hpp"
#include "input/byte_input.hpp"
#include "input/byte_source.hpp"

namespace flowglyph {

class BlockInput final : public ByteInput {
 public:
  using Clock = ByteSource::Clock;

  // Leaves the second-level cache to the sessions. Interleaved runs on a busy machine, million small packets
  // a second through the whole extractor: 64 KiB 5.8, 256 KiB 4.8, 1 MiB 4.5. Reading alone is as fast with
  // each.
  static constexpr std::size_t kBlockBytes = std::size_t{64} << 10;

  explicit BlockInput(std::unique_ptr<ByteSource> source, std::size_t blockBytes = kBlockBytes);
  // The file or pipe itself, or standard input ("-"). Throws CaptureError (ERR_IO) when it cannot be opened.
  explicit BlockInput(const std::string& path, std::size_t blockBytes = kBlockBytes);

  Bytes require(std::size_t count) override;
  std::uint64_t skip(std::uint64_t count) override;
  void hold(std::vector<std::shared_ptr<const void>>& into) override;

  bool waiting() const override { return waiting_; }
  std::uint64_t offset() const override { return filledBytes_ - static_cast<std::uint64_t>(end_ - at_); }
  std::uint64_t bytesRead() const override { return source_->bytesRead(); }

  void waitUntil(Clock::time_point deadline, const std::atomic<bool>& stop) {
    source_->waitUntil(deadline, stop);
  }
  bool live() const { return source_->live(); }
  // errno of a failed read, 0 when none failed: after a failure the input looks as if it ended.
  int readError() const { return source_->readError(); }
  const ByteSource& source() const { return *source_; }
  // What it reads from, with nothing buffered left behind: buffered() are the bytes before what comes next.
  // The input is of no use after.
  std::unique_ptr<ByteSource> takeSource() { return std::move(source_); }

 private:
  bool fill();  // reads once more; false at the end or in silence
  // Room for `count` bytes from at_ on, without moving what somebody holds.
  void makeRoom(std::size_t count);

  std::unique_ptr<ByteSource> source_;
  std::size_t blockBytes_;
  BlockPool pool_;
  std::shared_ptr<Block> block_;
  std::shared_ptr<const void> hold_;  // of block_, once asked for
  bool waiting_ = false;
  std::uint64_t filledBytes_ = 0;  // that came from the source
};

}  // namespace flowglyph
