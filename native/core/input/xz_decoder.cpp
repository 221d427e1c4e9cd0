// xz through liblzma. A file may hold several streams, with zero bytes between them.
#include <lzma.h>

#include <new>
#include <string>

#include "input/compression.hpp"

namespace flowglyph {
namespace {

class XzDecoder final : public Decoder {
 public:
  XzDecoder() { restart(); }
  ~XzDecoder() override { lzma_end(&stream_); }

  Step decode(Bytes input, std::span<std::uint8_t> room) override {
    stream_.next_in = input.data();
    stream_.avail_in = input.size();
    stream_.next_out = room.data();
    stream_.avail_out = room.size();
    const lzma_ret status = lzma_code(&stream_, LZMA_RUN);
    return {input.size() - stream_.avail_in, room.size() - stream_.avail_out, status == LZMA_STREAM_END,
            reason(status)};
  }

  void restart() override {
    if (lzma_stream_decoder(&stream_, kMaxDecoderBytes, 0) != LZMA_OK) throw std::bad_alloc();
  }

 private:
  std::string reason(lzma_ret status) {
    switch (status) {
      case LZMA_OK:
      case LZMA_STREAM_END:
      case LZMA_BUF_ERROR:  // it needs more input
      case LZMA_NO_CHECK:
      case LZMA_GET_CHECK:
      case LZMA_UNSUPPORTED_CHECK:  // decodes all the same
        return {};
      case LZMA_MEM_ERROR:
        throw std::bad_alloc();
      case LZMA_MEMLIMIT_ERROR:
        return "expected a stream that decodes within " + std::to_string(kMaxDecoderBytes >> 20) +
               " MiB of memory, received one that needs " + std::to_string(lzma_memusage(&stream_) >> 20) +
               " MiB";
      case LZMA_FORMAT_ERROR:
        return "not the header of an xz stream";
      case LZMA_OPTIONS_ERROR:
        return "options that this liblzma does not know";
      default:
        return "corrupt data";
    }
  }

  lzma_stream stream_ = LZMA_STREAM_INIT;
};

}  // namespace

std::unique_ptr<Decoder> makeXzDecoder() { return std::make_unique<XzDecoder>(); }

}  // namespace flowglyph
