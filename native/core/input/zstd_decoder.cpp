// Zstandard (RFC 8878) through libzstd. Each frame is a stream of its own.
#include <zstd.h>

#include <bit>
#include <new>

#include "input/compression.hpp"

namespace flowglyph {
namespace {

class ZstdDecoder final : public Decoder {
 public:
  ZstdDecoder() : context_(ZSTD_createDCtx(), ZSTD_freeDCtx) {
    if (context_ == nullptr) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, std::bit_width(kMaxDecoderBytes) - 1);
  }

  Step decode(Bytes input, std::span<std::uint8_t> room) override {
    ZSTD_inBuffer in{input.data(), input.size(), 0};
    ZSTD_outBuffer out{room.data(), room.size(), 0};
    const std::size_t left = ZSTD_decompressStream(context_.get(), &out, &in);
    Step step{in.pos, out.pos, false, {}};
    if (ZSTD_isError(left) != 0)
      step.error = ZSTD_getErrorName(left);
    else
      step.ended = left == 0;
    return step;
  }

  void restart() override { ZSTD_DCtx_reset(context_.get(), ZSTD_reset_session_only); }

 private:
  std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context_;
};

}  // namespace

std::unique_ptr<Decoder> makeZstdDecoder() { return std::make_unique<ZstdDecoder>(); }

}  // namespace flowglyph
