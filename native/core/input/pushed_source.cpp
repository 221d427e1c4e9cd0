#include "input/pushed_source.hpp"

#include <algorithm>
#include <cstring>

namespace flowglyph {

void PushedBytes::push(Bytes bytes) {
  if (bytes.empty()) return;
  std::vector<std::uint8_t> piece(bytes.begin(), bytes.end());
  const std::lock_guard lock(mutex_);
  pieces_.push_back(std::move(piece));
  waiting_ += bytes.size();
}

void PushedBytes::end() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
}

std::size_t PushedBytes::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_;
}

bool PushedBytes::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_ && waiting_ == 0;
}

std::size_t PushedBytes::take(std::span<std::uint8_t> room) {
  const std::lock_guard lock(mutex_);
  std::size_t count = 0;
  while (count < room.size() && !pieces_.empty()) {
    const std::vector<std::uint8_t>& piece = pieces_.front();
    const std::size_t part = std::min(room.size() - count, piece.size() - taken_);
    std::memcpy(room.data() + count, piece.data() + taken_, part);
    count += part;
    taken_ += part;
    if (taken_ == piece.size()) {
      pieces_.pop_front();
      taken_ = 0;
    }
  }
  waiting_ -= count;
  return count;
}

std::size_t PushedSource::read(std::span<std::uint8_t> room) {
  // Looked at first: what was pushed before the end was said is read.
  const bool told = finish_ != nullptr && finish_->load(std::memory_order_acquire);
  const bool ended = bytes_->ended();
  const std::size_t count = bytes_->take(room);
  readBytes_ += count;
  waiting_ = count == 0 && !ended && !told;
  finished_ = count == 0 && told && !ended;
  return count;
}

}  // namespace flowglyph
