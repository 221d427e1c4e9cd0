// An input that cannot be read.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace flowglyph {

inline constexpr std::string_view kErrIo = "ERR_IO";                         // cannot be opened or read
inline constexpr std::string_view kErrCaptureFormat = "ERR_CAPTURE_FORMAT";  // not a capture file

// An unreadable input. Damaged records are not errors: they are counted. `code` is one of FlowglyphError's
// stable codes.
class CaptureError : public std::runtime_error {
 public:
  CaptureError(std::string_view code, const std::string& message)
      : std::runtime_error(message), code_(code) {}
  const std::string& code() const { return code_; }

 private:
  std::string code_;
};

}  // namespace flowglyph
