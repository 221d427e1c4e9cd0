// Several captures as one stream in time order: of all files' next records the earliest, on ties that of the
// file named first. A file whose times step back is not sorted: each keeps its own order. A live input that
// is silent holds the others up, as its next record may be the earliest.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "input/capture_file.hpp"
#include "input/record_source.hpp"

namespace flowglyph {

class RecordMerge {
 public:
  using Status = RecordSource::Status;
  using Result = RecordSource::Result;

  // `totals` is kept up to date, and has to live as long as this. More than `openAtOnce` files are looked at
  // one by one for their first times and opened when those come: 0 is what the limit on open files suggests.
  RecordMerge(const std::vector<std::string>& paths, const CaptureFile::Options& options,
              SourceTotals& totals, std::size_t openAtOnce = 0);

  // As RecordSource's.
  Result read(std::span<Record> records);
  const CaptureError& error() const { return *error_; }
  void hold(std::vector<std::shared_ptr<const void>>& into);
  void waitUntil(RecordSource::Clock::time_point deadline, const std::atomic<bool>& stop);
  bool live() const;
  bool done() const;

 private:
  static constexpr std::size_t kGroup = 64;

  struct Input {
    std::string path;
    std::unique_ptr<CaptureFile> file;  // while it is open
    std::unique_ptr<Record[]> group;
    std::size_t next = 0, count = 0;
    std::int64_t timeNs = 0;  // of its next record
    bool used = false;        // by the last read()
  };
  enum class Refill : std::uint8_t { kReady, kWaiting, kGone };

  Refill refill(std::size_t index);
  Refill look(std::size_t index);
  bool begin();  // of all inputs; false while one is silent
  void open(Input& input, std::size_t index);
  Refill settle(Input& input, CaptureFile::Result result);
  bool later(std::size_t a, std::size_t b) const;

  CaptureFile::Options options_;
  SourceTotals& totals_;
  std::size_t openLimit_, openAtOnce_, openFiles_ = 0;
  RecordSource::Clock::time_point deadline_ = RecordSource::Clock::time_point::max();
  const std::atomic<bool>* stop_ = nullptr;

  std::vector<Input> inputs_;
  std::vector<std::size_t> heap_;     // inputs with a next record, the earliest first
  std::vector<std::size_t> unready_;  // inputs whose next record is to be found before anything is handed out
  std::vector<std::size_t> used_;     // inputs with `used`
  std::vector<std::shared_ptr<const void>> holds_;  // of records handed out last, whose file has read on
  std::deque<CaptureError> failures_;
  std::optional<CaptureError> error_;
  bool endDue_ = false;  // there is something to end
};

}  // namespace flowglyph
