// The bytes of a file, a pipe or standard input. A live one (pipe, socket, terminal, a regular file that is
// followed) may be silent for a while: then it says so, and can be asked again.
#pragma once

#include <string>

#include "input/byte_source.hpp"

namespace flowglyph {

struct FileSourceOptions {
  bool follow = false;  // a regular file may still be growing
  // A live input ends where it is when this becomes true: what was written until then is read, no more.
  const std::atomic<bool>* finish = nullptr;
};

class FileSource final : public ByteSource {
 public:
  // "-" is standard input. Never waits, not even for a writer to open a named pipe. Throws CaptureError
  // (ERR_IO) when the path cannot be opened.
  explicit FileSource(const std::string& path, const FileSourceOptions& options = {});
  ~FileSource() override;
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  std::size_t read(std::span<std::uint8_t> room) override;
  void waitUntil(Clock::time_point deadline, const std::atomic<bool>& stop) override;
  bool live() const override { return live_; }
  bool waiting() const override { return waiting_; }
  bool finished() const override { return finished_; }
  int readError() const override { return readError_; }
  std::uint64_t bytesRead() const override { return readBytes_; }
  const std::optional<CaptureDamage>& damage() const override { return damage_; }
  const std::string& note() const override { return note_; }

 private:
  enum class Readiness : std::uint8_t { kReady, kSilent, kEnded };

  Readiness waitForBytes();   // of a pipe
  Readiness waitForGrowth();  // of a regular file, at its end
  std::uint64_t atHand() const;
  bool told() const { return stop_ != nullptr && stop_->load(std::memory_order_relaxed); }
  bool goneFromPath();

  std::string path_;
  int fd_ = -1;
  bool regular_ = false, live_ = false;
  bool waiting_ = false, ended_ = false, finished_ = false;
  const std::atomic<bool>* finish_ = nullptr;
  std::optional<std::uint64_t> lastBytes_;  // how many still count, once `finish` was seen
  Clock::time_point deadline_ = Clock::time_point::max();
  const std::atomic<bool>* stop_ = nullptr;
  int readError_ = 0;
  std::uint64_t readBytes_ = 0;
  std::optional<CaptureDamage> damage_;  // of plain bytes: never any
  std::string note_;
};

}  // namespace flowglyph
