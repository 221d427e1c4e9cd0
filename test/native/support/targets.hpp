// Runs a check on every instruction set that this machine and this build have, one after the other.
#pragma once

#include <doctest/doctest.h>
#include <hwy/targets.h>

#include <cstdint>

namespace flowglyph::test {

template <typename Select, typename Check>
void onEveryTarget(Select&& select, Check&& check) {
  for (std::int64_t left = hwy::SupportedTargets(); left != 0; left &= left - 1) {
    hwy::SetSupportedTargetsForTest(left & -left);
    const auto kernel = select();
    CAPTURE(kernel.name);
    check(kernel);
  }
  hwy::SetSupportedTargetsForTest(0);
}

}  // namespace flowglyph::test
