// Bytes that somebody else brings, a piece at a time: an upload, a decrypted stream. Never waits: whoever
// pushes knows when there is more to read.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "bytes.hpp"
#include "input/byte_source.hpp"

namespace flowglyph {

// Pieces that wait to be read. Any thread may push, and one read.
class PushedBytes {
 public:
  void push(Bytes bytes);  // copies them
  void end();              // nothing will follow
  std::size_t waiting() const;

  // Moves what is there into `room`, as much as fits.
  std::size_t take(std::span<std::uint8_t> room);
  bool ended() const;  // and nothing waits

 private:
  mutable std::mutex mutex_;
  std::deque<std::vector<std::uint8_t>> pieces_;
  std::size_t taken_ = 0;  // of the first piece
  std::size_t waiting_ = 0;
  bool ended_ = false;
};

class PushedSource final : public ByteSource {
 public:
  PushedSource(std::shared_ptr<PushedBytes> bytes, const std::atomic<bool>* finish)
      : bytes_(std::move(bytes)), finish_(finish) {}

  std::size_t read(std::span<std::uint8_t> room) override;
  void waitUntil(Clock::time_point, const std::atomic<bool>&) override {}
  bool live() const override { return true; }
  bool waiting() const override { return waiting_; }
  bool finished() const override { return finished_; }
  int readError() const override { return 0; }
  std::uint64_t bytesRead() const override { return readBytes_; }
  const std::optional<CaptureDamage>& damage() const override { return damage_; }
  const std::string& note() const override { return note_; }

 private:
  std::shared_ptr<PushedBytes> bytes_;
  const std::atomic<bool>* finish_;
  bool waiting_ = false, finished_ = false;
  std::uint64_t readBytes_ = 0;
  std::optional<CaptureDamage> damage_;  // of plain bytes: never any
  std::string note_;
};

}  // namespace flowglyph
