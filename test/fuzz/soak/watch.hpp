// What the soak is at, so that a crash, a broken promise or a hang leaves the input and a line that says so.
#pragma once

#include <filesystem>
#include <string>

#include "bytes.hpp"

namespace flowglyph::fuzz {

// Once, before the first watchCase(). Inputs that break something are left in `found`.
void startWatch(const std::filesystem::path& found);

// From now on until the next call: this input, these options. More than `seconds` in one case is a hang.
void watchCase(const std::string& description, Bytes input, unsigned seconds);

}  // namespace flowglyph::fuzz
