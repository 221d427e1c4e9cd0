// gzip (RFC 1952) through zlib. A file of several members, as bgzip and `cat a.gz b.gz` make, is several
// streams.
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>

#include "input/compression.hpp"

namespace flowglyph {
namespace {

constexpr int kGzipOnly = 15 + 16;  // the largest window, a gzip header around it

class GzipDecoder final : public Decoder {
 public:
  GzipDecoder() {
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) throw std::bad_alloc();
  }
  ~GzipDecoder() override { inflateEnd(&stream_); }

  Step decode(Bytes input, std::span<std::uint8_t> room) override {
    constexpr std::size_t kMost = std::numeric_limits<uInt>::max();
    stream_.next_in = const_cast<Bytef*>(input.data());
    stream_.avail_in = static_cast<uInt>(std::min(input.size(), kMost));
    stream_.next_out = room.data();
    stream_.avail_out = static_cast<uInt>(std::min(room.size(), kMost));
    const uInt in = stream_.avail_in, out = stream_.avail_out;
    const int status = inflate(&stream_, Z_NO_FLUSH);
    Step step{in - stream_.avail_in, out - stream_.avail_out, status == Z_STREAM_END, {}};
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    // Z_BUF_ERROR: it needs more input.
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
      step.error = stream_.msg != nullptr ? stream_.msg : "needs a preset dictionary";
    return step;
  }

  void restart() override { inflateReset(&stream_); }

 private:
  z_stream stream_{};
};

}  // namespace

std::unique_ptr<Decoder> makeGzipDecoder() { return std::make_unique<GzipDecoder>(); }

}  // namespace flowglyph
