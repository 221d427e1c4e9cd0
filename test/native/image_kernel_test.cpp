#include "image/image_kernel.hpp"

#include <doctest/doctest.h>
#include <hwy/targets.h>

#include <array>
#include <cstdlib>
#include <random>

#include "options.hpp"
#include "support/frames.hpp"

namespace {

using namespace flowglyph;
using test::ByteVector;

// Every instruction set that this machine and this build have, one after the other.
template <typename Check>
void onEveryTarget(Check&& check) {
  for (std::int64_t left = hwy::SupportedTargets(); left != 0; left &= left - 1) {
    hwy::SetSupportedTargetsForTest(left & -left);
    const ImageKernel kernel = vectorImageKernel();
    CAPTURE(kernel.name);
    check(kernel);
  }
  hwy::SetSupportedTargetsForTest(0);
}

ByteVector randomBytes(std::size_t count, std::mt19937_64& random) {
  ByteVector bytes(count);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

// Random up to `length`, then padded as a kernel may read it, and not a byte more.
ByteVector randomPattern(std::size_t length, std::mt19937_64& random) {
  constexpr std::size_t kBlock = ImageKernel::kPatternBlock;
  ByteVector pattern = randomBytes(length, random);
  pattern.resize((length + kBlock - 1) / kBlock * kBlock, 0xFF);
  return pattern;
}

}  // namespace

TEST_SUITE_BEGIN("image kernel");

TEST_CASE("masked copies of every length equal the scalar twin and touch nothing else") {
  std::mt19937_64 random(1);
  const ImageKernel scalar = scalarImageKernel();
  int targets = 0;
  onEveryTarget([&](const ImageKernel& kernel) {
    ++targets;
    for (std::size_t length = 0; length <= 800; ++length) {
      for (const std::size_t patternLength :
           {std::size_t{0}, std::size_t{1}, std::size_t{28}, std::size_t{40}, std::size_t{random() % 800},
            length, length + 1, std::size_t{800}}) {
        // Heap buffers of the exact sizes: a sanitizer sees any byte too far.
        const ByteVector from = randomBytes(length, random), pattern = randomPattern(patternLength, random);
        ByteVector expected(length + 16, 0xA5), got(length + 16, 0xA5);
        scalar.copyMasked(expected.data() + 8, from.data(), length, pattern.data(), patternLength);
        kernel.copyMasked(got.data() + 8, from.data(), length, pattern.data(), patternLength);
        REQUIRE(got == expected);
      }
    }
  });
  CHECK(targets >= 1);
}

TEST_CASE("emitted images of every length equal the scalar twin and touch nothing else") {
  std::mt19937_64 random(2);
  const ImageKernel scalar = scalarImageKernel();
  onEveryTarget([&](const ImageKernel& kernel) {
    for (std::size_t length = 0; length <= kImageBytes; ++length) {
      const ByteVector from = randomBytes(length, random);
      ByteVector expected(kImageBytes + 16, 0xA5), got(kImageBytes + 16, 0xA5);
      scalar.emitImage(expected.data() + 8, from.data(), length);
      kernel.emitImage(got.data() + 8, from.data(), length);
      REQUIRE(got == expected);
    }
  });
}

TEST_CASE("the scalar twin does what its header says") {
  const ByteVector from = test::filled(10, 0x11), pattern = {0xFF, 0x00, 0x0F};
  ByteVector to(10, 0);
  scalarImageKernel().copyMasked(to.data(), from.data(), 10, pattern.data(), 3);
  CHECK(to == ByteVector{0x11, 0, 0x03, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1A});
}

TEST_CASE("FLOWGLYPH_SIMD=scalar forces the twin, anything else the vectors") {
  setenv("FLOWGLYPH_SIMD", "scalar", 1);
  CHECK(selectImageKernel().name == "scalar");
  setenv("FLOWGLYPH_SIMD", "auto", 1);
  CHECK(selectImageKernel().name == vectorImageKernel().name);
  unsetenv("FLOWGLYPH_SIMD");
  CHECK(selectImageKernel().name != "scalar");
}

TEST_SUITE_END();
