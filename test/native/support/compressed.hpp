// Compresses with the libraries that core decompresses with.
#pragma once

#include "frames.hpp"

namespace flowglyph::test {

ByteVector gzipOf(const ByteVector& bytes);
ByteVector zstdOf(const ByteVector& bytes, int windowLog = 0);  // 0: as the level says
ByteVector xzOf(const ByteVector& bytes, std::uint32_t dictionaryBytes = 1 << 20);
ByteVector skippableFrame(const ByteVector& body);  // zstd's
// Members of at most 64 KiB with their length in a header field, and an empty one at the end, as bgzip
// writes.
ByteVector bgzfOf(const ByteVector& bytes);

}  // namespace flowglyph::test
