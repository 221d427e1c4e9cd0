#include "input/record_merge.hpp"

#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

namespace flowglyph {
namespace {

// Each open file has a block of 64 KiB.
constexpr std::size_t kMostAtOnce = 256;

// Leaves some to the rest of the process.
std::size_t openFileLimit() {
  rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 65'536;
  return std::max<std::size_t>(limit.rlim_cur, 80) - 64;
}

bool isRegular(const std::string& path) {
  struct stat info;
  return path != "-" && ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

}  // namespace

RecordMerge::RecordMerge(const std::vector<std::string>& paths, const CaptureFile::Options& options,
                         SourceTotals& totals, std::size_t openAtOnce)
    : options_(options),
      totals_(totals),
      openLimit_(openFileLimit()),
      openAtOnce_(openAtOnce != 0 ? openAtOnce : std::min(kMostAtOnce, openLimit_)),
      inputs_(paths.size()) {
  for (std::size_t i = 0; i < paths.size(); ++i) {
    inputs_[i].path = paths[i];
    unready_.push_back(i);
  }
}

// For a heap whose front is the earliest.
bool RecordMerge::later(std::size_t a, std::size_t b) const {
  const std::int64_t left = inputs_[a].timeNs, right = inputs_[b].timeNs;
  return left != right ? left > right : a > b;
}

RecordMerge::Result RecordMerge::read(std::span<Record> records) {
  holds_.clear();
  for (const std::size_t index : used_) inputs_[index].used = false;
  used_.clear();
  const bool begun = begin();
  if (!failures_.empty()) {
    error_ = std::move(failures_.front());
    failures_.pop_front();
    return {Status::kFailed, 0};
  }
  if (!begun) return {Status::kWaiting, 0};

  const auto order = [this](std::size_t a, std::size_t b) { return later(a, b); };
  std::size_t count = 0;
  while (count < records.size() && !heap_.empty() && unready_.empty() && failures_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end(), order);
    const std::size_t index = heap_.back();
    heap_.pop_back();
    Input& input = inputs_[index];
    Refill state = Refill::kReady;
    if (input.file == nullptr) {
      state = refill(
          index);  // it was only looked at; should another file be there now, that has a time of its own
    } else {
      if (!std::exchange(input.used, true)) used_.push_back(index);
      // As long as it stays the earliest, nobody has to be asked.
      do {
        records[count++] = input.group[input.next++];
        if (input.next < input.count) input.timeNs = input.group[input.next].timeNs;
      } while (count < records.size() && input.next < input.count &&
               (heap_.empty() || !later(index, heap_.front())));
      if (input.next == input.count) {
        // Who has records does not wait for more.
        state = input.file->live() ? Refill::kWaiting : Refill::kReady;
        if (state == Refill::kReady) {
          input.file->hold(holds_);
          state = refill(index);
        }
      }
    }
    if (state == Refill::kReady) {
      heap_.push_back(index);
      std::push_heap(heap_.begin(), heap_.end(), order);
    } else if (state == Refill::kWaiting) {
      unready_.push_back(index);
    }
  }
  if (count > 0) return {Status::kRecords, count};
  if (!heap_.empty() || !unready_.empty() || !failures_.empty()) return read(records);
  return {std::exchange(endDue_, false) ? Status::kEndOfFile : Status::kEnd, 0};
}

bool RecordMerge::begin() {
  if (unready_.empty()) return true;
  std::vector<std::size_t> silent;
  for (const std::size_t index : unready_) {
    Input& input = inputs_[index];
    const bool lookOnly =
        input.file == nullptr && inputs_.size() > openAtOnce_ && !options_.follow && isRegular(input.path);
    const Refill state = lookOnly ? look(index) : refill(index);
    if (state == Refill::kWaiting) silent.push_back(index);
    if (state != Refill::kReady) continue;
    heap_.push_back(index);
    std::push_heap(heap_.begin(), heap_.end(), [this](std::size_t a, std::size_t b) { return later(a, b); });
  }
  unready_ = std::move(silent);
  return unready_.empty();
}

void RecordMerge::open(Input& input, std::size_t index) {
  input.file = std::make_unique<CaptureFile>(input.path, static_cast<std::uint32_t>(index), options_);
  if (stop_ != nullptr) input.file->waitUntil(deadline_, *stop_);
  ++openFiles_;
}

// The next group of an input whose records are used up.
RecordMerge::Refill RecordMerge::refill(std::size_t index) {
  Input& input = inputs_[index];
  if (input.file == nullptr) {
    if (openFiles_ >= openLimit_) {
      failures_.emplace_back(kErrIo,
                             input.path + ": expected at most " + std::to_string(openLimit_) +
                                 " captures that overlap in time, received more: raise the limit on open "
                                 "files (ulimit -n) or merge fewer at a time");
      return Refill::kGone;
    }
    open(input, index);
    input.group = std::make_unique<Record[]>(kGroup);
  }
  input.next = input.count = 0;
  const CaptureFile::Result result = input.file->read({input.group.get(), kGroup});
  input.file->addTo(totals_);
  return settle(input, result);
}

// The time of the first record, without keeping the file open.
RecordMerge::Refill RecordMerge::look(std::size_t index) {
  Input& input = inputs_[index];
  Record first;
  open(input, index);
  const CaptureFile::Result result = input.file->read({&first, 1});
  if (result.status != CaptureFile::Status::kRecords) {
    input.file->addTo(totals_);
    return settle(input, result);
  }
  input.timeNs = first.timeNs;
  input.file.reset();
  --openFiles_;
  return Refill::kReady;
}

RecordMerge::Refill RecordMerge::settle(Input& input, CaptureFile::Result result) {
  switch (result.status) {
    case CaptureFile::Status::kRecords:
      endDue_ = true;
      input.count = result.count;
      input.timeNs = input.group[0].timeNs;
      return Refill::kReady;
    case CaptureFile::Status::kWaiting:
      return Refill::kWaiting;
    case CaptureFile::Status::kFailed:
      failures_.push_back(*input.file->error());
      break;
    case CaptureFile::Status::kEnd:
      endDue_ = true;
      break;
  }
  input.file.reset();
  input.group.reset();
  --openFiles_;
  return Refill::kGone;
}

void RecordMerge::hold(std::vector<std::shared_ptr<const void>>& into) {
  into.insert(into.end(), holds_.begin(), holds_.end());
  for (const std::size_t index : used_)
    if (inputs_[index].file != nullptr) inputs_[index].file->hold(into);
}

void RecordMerge::waitUntil(RecordSource::Clock::time_point deadline, const std::atomic<bool>& stop) {
  deadline_ = deadline;
  stop_ = &stop;
  for (Input& input : inputs_)
    if (input.file != nullptr) input.file->waitUntil(deadline, stop);
}

bool RecordMerge::live() const {
  return std::any_of(inputs_.begin(), inputs_.end(),
                     [](const Input& input) { return input.file != nullptr && input.file->live(); });
}

bool RecordMerge::done() const { return heap_.empty() && unready_.empty() && failures_.empty() && !endDue_; }

}  // namespace flowglyph
