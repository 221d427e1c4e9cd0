#include "soak/feeder.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "support/check.hpp"

namespace flowglyph::fuzz {

Feeder::Feeder(Bytes bytes, std::size_t pieceBytes) {
  std::signal(SIGPIPE, SIG_IGN);
  int ends[2];
  FUZZ_CHECK(::pipe(ends) == 0);
  readEnd_ = ends[0];
  writeEnd_ = ends[1];
  path_ = "/proc/self/fd/" + std::to_string(readEnd_);
  thread_ = std::thread([this, bytes, pieceBytes] {
    for (Bytes left = bytes; !left.empty();) {
      const ssize_t wrote = ::write(writeEnd_, left.data(), std::min(left.size(), pieceBytes));
      if (wrote <= 0) break;  // nobody reads any more
      left = left.subspan(static_cast<std::size_t>(wrote));
    }
    ::close(writeEnd_);
  });
}

Feeder::~Feeder() {
  ::close(readEnd_);
  thread_.join();
}

}  // namespace flowglyph::fuzz
