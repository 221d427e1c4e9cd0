// One capture: opened, recognised, read to its end, with what went wrong on the way.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "capture_error.hpp"
#include "input/block_input.hpp"
#include "input/capture_reader.hpp"
#include "input/compression.hpp"
#include "input/mapped_input.hpp"
#include "input/record_source.hpp"
#include "options.hpp"

namespace flowglyph {

class CaptureFile {
 public:
  using Clock = ByteSource::Clock;

  struct Options {
    bool follow = false;
    InputMethod method = InputMethod::kRead;
    const std::atomic<bool>* finish = nullptr;      // live inputs end where they are when it becomes true
    std::shared_ptr<PushedBytes> pushed = nullptr;  // the input is this, and not the file at the path
  };

  // `group` goes into the records. What cannot be opened shows at the first read().
  CaptureFile(std::string path, std::uint32_t group, const Options& options);

  enum class Status : std::uint8_t { kRecords, kWaiting, kEnd, kFailed };
  struct Result {
    Status status;
    std::size_t count;
  };
  // Fills `records` from the front. kFailed comes once, after the last records, and then kEnd.
  Result read(std::span<Record> records);
  // Why read() said kFailed.
  const std::optional<CaptureError>& error() const { return error_; }

  // The records of the last read() stay valid for as long as what this appends; without it until the next
  // one.
  void hold(std::vector<std::shared_ptr<const void>>& into);
  // As ByteSource::waitUntil().
  void waitUntil(Clock::time_point deadline, const std::atomic<bool>& stop);
  bool live() const { return blocks_ && blocks_->live(); }

  // Adds what is new since the last call: bytes, link types, warnings.
  void addTo(SourceTotals& totals);

 private:
  Result open();
  void openInput();   // throws CaptureError
  bool openReader();  // false: the first bytes have not come. Throws CaptureError
  void decompress(const Compression& compression);
  Result readMapped(std::span<Record> records);
  Result close();  // after the last record
  Result fail(CaptureError error);
  void release();
  void mark(std::span<Record> records) const;
  void warn(const CaptureDamage& damage, std::string_view unit);

  std::string path_;
  std::uint32_t group_;
  Options options_;
  Clock::time_point deadline_ = Clock::time_point::max();
  const std::atomic<bool>* stop_ = nullptr;
  std::optional<BlockInput> blocks_;
  std::unique_ptr<MappedInput> mapped_;
  ByteInput* input_ = nullptr;  // whichever of the two there is
  const Compression* compression_ = nullptr;
  std::unique_ptr<CaptureReader> reader_;
  bool ended_ = false;
  std::uint64_t bytesRead_ = 0, bytesAdded_ = 0;  // as they are on disk
  std::size_t linktypesAdded_ = 0;
  bool truncated_ = false;
  std::optional<CaptureError> error_;
  std::vector<std::string> warnings_;
};

}  // namespace flowglyph
