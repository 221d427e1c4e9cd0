#include "input/decoding_source.hpp"

#include <algorithm>
#include <cstring>

namespace flowglyph {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{64} << 10;

}  // namespace

DecodingSource::DecodingSource(const Compression& compression, std::unique_ptr<ByteSource> from, Bytes start)
    : compression_(compression),
      from_(std::move(from)),
      decoder_(compression.makeDecoder()),
      buffer_(std::make_unique_for_overwrite<std::uint8_t[]>(std::max(kBufferBytes, start.size()))),
      end_(start.size()) {
  if (!start.empty()) std::memcpy(buffer_.get(), start.data(), start.size());
}

std::size_t DecodingSource::read(std::span<std::uint8_t> room) {
  waiting_ = false;
  while (!ended_) {
    if (betweenStreams_) {
      const Next next = nextStream();
      if (next == Next::kDamaged || (next == Next::kNeedsMore && !fill())) return 0;
      continue;
    }
    const Decoder::Step step = decoder_->decode(unread(), room);
    begin_ += step.used;
    if (step.ended) betweenStreams_ = true;
    if (!step.error.empty()) stop(false, step.error);
    if (step.made > 0) return step.made;
    if (step.used > 0 || step.ended || ended_) continue;
    // Without a step forward it has used up its input; where it has not, nothing would end this loop.
    if (begin_ < end_) {
      stop(false, "no decoder makes anything of it");
    } else if (!fill()) {
      return 0;
    }
  }
  return 0;
}

DecodingSource::Next DecodingSource::nextStream() {
  // Zero bytes pad xz files between streams, and gzip files on tapes at their end.
  if (anyStream_)
    while (begin_ < end_ && buffer_[begin_] == 0) ++begin_;
  if (compression_.matches(unread())) {
    if (anyStream_) decoder_->restart();
    anyStream_ = true;
    betweenStreams_ = false;
    return Next::kStream;
  }
  if (unread().size() < compression_.magic.size()) return Next::kNeedsMore;
  stop(false, "expected another " + std::string(compression_.name) + " stream or the end");
  return Next::kDamaged;
}

bool DecodingSource::fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  const std::size_t got = from_->read({buffer_.get() + end_, kBufferBytes - end_});
  end_ += got;
  if (got > 0) return true;
  waiting_ = from_->waiting();
  if (waiting_) return false;
  ended_ = true;
  // Where somebody said "enough", or the disk failed, the data are not to blame.
  if (from_->finished() || from_->readError() != 0) return false;
  if (!betweenStreams_) {
    stop(true, std::string(compression_.name) + " stream without its end");
  } else if (begin_ < end_) {
    stop(false, "expected another " + std::string(compression_.name) + " stream or the end");
  }
  return false;
}

void DecodingSource::stop(bool truncated, std::string what) {
  ended_ = true;
  damage_ = CaptureDamage{from_->bytesRead() - unread().size(), truncated, std::move(what)};
}

}  // namespace flowglyph
