// The stable codes of CaptureError.
#pragma once

#include <string_view>

namespace flowglyph {

inline constexpr std::string_view kErrIo = "ERR_IO";                         // cannot be opened or read
inline constexpr std::string_view kErrCaptureFormat = "ERR_CAPTURE_FORMAT";  // not a capture file

}  // namespace flowglyph
