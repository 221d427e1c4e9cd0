// Where an input's bytes come from: a file descriptor, or a decompressor over one. Knows nothing of records.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace flowglyph {

// Why reading stopped before a regular end.
struct CaptureDamage {
  std::uint64_t offset;  // of the record, block or compressed data that could not be read
  bool truncated;        // the file ended in the middle of it
  std::string what;
};

class ByteSource {
 public:
  using Clock = std::chrono::steady_clock;

  virtual ~ByteSource() = default;

  // Fills `room`, which is not empty, from its front with what comes at once. 0: silence (waiting()), a
  // failure (readError(), damage()), or the end.
  virtual std::size_t read(std::span<std::uint8_t> room) = 0;

  // A live source is read until `deadline`, or until soon after `stop` becomes true: from then on it counts
  // as silent. `stop` has to live until the next call, or as long as this.
  virtual void waitUntil(Clock::time_point deadline, const std::atomic<bool>& stop) = 0;

  virtual bool live() const = 0;                // more bytes may come at any time
  virtual bool waiting() const = 0;             // the last read() met silence, not the end
  virtual bool finished() const = 0;            // ended because it was told to, not because the bytes did
  virtual int readError() const = 0;            // errno of a failed read, else 0
  virtual std::uint64_t bytesRead() const = 0;  // as they are on disk
  // What is wrong with the bytes themselves, at an offset on disk. Later reads give 0.
  virtual const std::optional<CaptureDamage>& damage() const = 0;
  // Worth a warning, though nothing is wrong with the bytes: "no longer followed: the file was removed".
  virtual const std::string& note() const = 0;
};

}  // namespace flowglyph
