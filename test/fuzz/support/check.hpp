// An invariant that a fuzz target holds core to. A failure ends the process, as a sanitizer's does: libFuzzer
// then keeps the input, and the replay names it.
#pragma once

namespace flowglyph::fuzz {

// Prints, then aborts.
[[noreturn]] void fail(const char* file, int line, const char* condition);

}  // namespace flowglyph::fuzz

#define FUZZ_CHECK(...) \
  ((__VA_ARGS__) ? static_cast<void>(0) : ::flowglyph::fuzz::fail(__FILE__, __LINE__, #__VA_ARGS__))
