#include "support/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace flowglyph::fuzz {

void fail(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "%s:%d: broken: %s\n", file, line, condition);
  std::abort();
}

}  // namespace flowglyph::fuzz
