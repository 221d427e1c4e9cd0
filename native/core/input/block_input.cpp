#include "input/block_input.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "input/file_source.hpp"

namespace flowglyph {
namespace {

// Rather than read less than this behind bytes that are held, the rest moves to another block.
constexpr std::size_t kLeastRead = 4096;

}  // namespace

BlockInput::BlockInput(std::unique_ptr<ByteSource> source, std::size_t blockBytes)
    : source_(std::move(source)), blockBytes_(blockBytes), block_(pool_.take(blockBytes)) {
  at_ = end_ = block_->data();
}

BlockInput::BlockInput(const std::string& path, std::size_t blockBytes)
    : BlockInput(std::make_unique<FileSource>(path), blockBytes) {}

Bytes BlockInput::require(std::size_t count) {
  waiting_ = false;
  if (buffered().size() >= count) return buffered();
  makeRoom(count);
  while (buffered().size() < count && fill()) {
  }
  return buffered();
}

std::uint64_t BlockInput::skip(std::uint64_t count) {
  std::uint64_t left = count;
  waiting_ = false;
  for (;;) {
    const std::uint64_t here = std::min<std::uint64_t>(left, buffered().size());
    at_ += here;
    left -= here;
    if (left == 0) return count;
    makeRoom(1);
    if (!fill()) return count - left;
  }
}

void BlockInput::hold(std::vector<std::shared_ptr<const void>>& into) {
  if (hold_ == nullptr) hold_ = Block::hold(block_);
  if (into.empty() || into.back() != hold_) into.push_back(hold_);
}

void BlockInput::makeRoom(std::size_t count) {
  const Bytes left = buffered();
  const std::uint8_t* const blockEnd = block_->data() + block_->capacity();
  hold_.reset();
  const bool held = block_->held();
  if (held && static_cast<std::size_t>(blockEnd - at_) >= count &&
      static_cast<std::size_t>(blockEnd - end_) >= std::max(kLeastRead, count - left.size()))
    return;
  if (held || block_->capacity() < count) {
    const auto larger = pool_.take(count > blockBytes_ ? std::bit_ceil(count) : blockBytes_);
    if (!left.empty()) std::memcpy(larger->data(), left.data(), left.size());
    block_ = larger;
  } else if (at_ != block_->data() && !left.empty()) {
    std::memmove(block_->data(), at_, left.size());
  }
  at_ = block_->data();
  end_ = at_ + left.size();
}

bool BlockInput::fill() {
  const auto used = static_cast<std::size_t>(end_ - block_->data());
  const std::size_t got = source_->read({block_->data() + used, block_->capacity() - used});
  waiting_ = got == 0 && source_->waiting();
  end_ += got;
  filledBytes_ += got;
  return got > 0;
}

}  // namespace flowglyph
