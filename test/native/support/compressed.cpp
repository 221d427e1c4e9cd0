#include "compressed.hpp"

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

namespace flowglyph::test {
namespace {

void check(bool good) {
  if (!good) throw std::runtime_error("cannot compress");
}

// `windowBits` as deflateInit2() takes them: 31 with a gzip header, -15 without any.
ByteVector deflated(const ByteVector& bytes, int windowBits, gz_header* header = nullptr) {
  z_stream stream{};
  check(deflateInit2(&stream, 6, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  if (header != nullptr) deflateSetHeader(&stream, header);
  ByteVector out(deflateBound(&stream, bytes.size()) + 64);
  stream.next_in = const_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  check(status == Z_STREAM_END);
  return out;
}

}  // namespace

ByteVector gzipOf(const ByteVector& bytes) { return deflated(bytes, 31); }

ByteVector bgzfOf(const ByteVector& bytes) {
  ByteVector out;
  for (std::size_t at = 0;; at += 60'000) {
    const std::size_t end = std::min(bytes.size(), at + 60'000);
    const ByteVector part(bytes.begin() + static_cast<std::ptrdiff_t>(std::min(at, end)),
                          bytes.begin() + static_cast<std::ptrdiff_t>(end));
    ByteVector extra = {'B', 'C', 2, 0, 0, 0};
    gz_header header{};
    header.extra = extra.data();
    header.extra_len = static_cast<uInt>(extra.size());
    ByteVector member = deflated(part, 31, &header);
    // The member's length less one: behind 10 bytes of header, 2 of the field's length and 4 of its own.
    member[16] = static_cast<std::uint8_t>((member.size() - 1) & 0xff);
    member[17] = static_cast<std::uint8_t>((member.size() - 1) >> 8);
    append(out, member);
    if (part.empty()) return out;
  }
}

ByteVector zstdOf(const ByteVector& bytes, int windowLog) {
  const std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  ByteVector out(ZSTD_compressBound(bytes.size()) + 64);
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  ZSTD_inBuffer from{bytes.data(), bytes.size(), 0};
  if (windowLog != 0) {
    // Of unknown length, so that the window is as large as asked for.
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, windowLog);
    check(ZSTD_isError(ZSTD_compressStream2(context.get(), &to, &from, ZSTD_e_continue)) == 0);
  }
  check(ZSTD_compressStream2(context.get(), &to, &from, ZSTD_e_end) == 0);
  out.resize(to.pos);
  return out;
}

ByteVector skippableFrame(const ByteVector& body) {
  ByteVector out = {0x53, 0x2a, 0x4d, 0x18};
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<std::uint8_t>(body.size() >> 8 * i));
  append(out, body);
  return out;
}

ByteVector xzOf(const ByteVector& bytes, std::uint32_t dictionaryBytes) {
  lzma_options_lzma options;
  check(!lzma_lzma_preset(&options, 1));
  options.dict_size = dictionaryBytes;
  lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, nullptr}};
  ByteVector out(lzma_stream_buffer_bound(bytes.size()));
  std::size_t used = 0;
  check(lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC64, nullptr, bytes.data(), bytes.size(), out.data(),
                                  &used, out.size()) == LZMA_OK);
  out.resize(used);
  return out;
}

}  // namespace flowglyph::test
