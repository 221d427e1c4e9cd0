// What every capture format offers: records in file order, a few at a time, and what went wrong.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "input/byte_input.hpp"
#include "input/byte_source.hpp"
#include "input/record.hpp"

namespace flowglyph {

// Records and blocks that claim to be larger are damage, not data. libpcap's largest snaplen (D-Bus) is 128
// MiB, every other link type's 256 KiB; 16 MiB leaves room for odd writers and bounds what a damaged length
// can make us hold.
inline constexpr std::uint32_t kMaxRecordBytes = std::uint32_t{16} << 20;

class CaptureReader {
 public:
  virtual ~CaptureReader() = default;

  // Fills `records` from the front; 0 at the end, and while the input is waiting(): then the next call goes
  // on where this one stopped, be it in the middle of a record. They stay valid until the next call.
  virtual std::size_t read(std::span<Record> records) = 0;

  // Why reading stopped before a regular end of the file.
  const std::optional<CaptureDamage>& damage() const { return damage_; }
  // What did not stop it: "at byte offset N: ...".
  const std::vector<std::string>& notes() const { return notes_; }
  // Link types of the file header or the interfaces described so far, in order, without repeats.
  const std::vector<std::uint16_t>& linktypes() const { return linktypes_; }

 protected:
  explicit CaptureReader(ByteInput& input) : input_(input) {}

  void stopTruncated(std::string_view unit, std::uint64_t needed, std::uint64_t left);
  void stopDamaged(std::string what);
  void sawLinktype(std::uint16_t linktype);

  ByteInput& input_;
  bool stopped_ = false;
  std::optional<CaptureDamage> damage_;
  std::vector<std::string> notes_;
  std::vector<std::uint16_t> linktypes_;
};

// Null when `start`, the first 24 bytes of the input or all that it has, is no capture file's. The input
// stands behind the file header afterwards.
std::unique_ptr<CaptureReader> openCapture(ByteInput& input, Bytes start);

}  // namespace flowglyph
