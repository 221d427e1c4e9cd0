#include "input/record_source.hpp"

#include <sys/stat.h>

#include <utility>

#include "input/capture_file.hpp"
#include "input/record_merge.hpp"

namespace flowglyph {
namespace {

// Of what is there; nothing for a path that names nothing, which adds nothing when its turn comes.
std::optional<std::uint64_t> sizeOf(const std::string& path) {
  struct stat info;
  if (path == "-") return std::nullopt;
  if (::stat(path.c_str(), &info) != 0) return 0;
  if (!S_ISREG(info.st_mode)) return std::nullopt;
  return static_cast<std::uint64_t>(info.st_size);
}

}  // namespace

struct RecordSource::State {
  State(std::vector<std::string> paths, const ExtractOptions& options);

  Result read(std::span<Record> records);
  void begin();

  std::vector<std::string> paths;
  ExtractOptions options;
  SourceTotals totals;
  std::atomic<bool> finishing{false};
  Clock::time_point deadline = Clock::time_point::max();
  const std::atomic<bool>* stop = nullptr;
  std::optional<CaptureError> error;

  std::optional<RecordMerge> merge;  // or else one file after the other:
  std::size_t nextPath = 0;
  std::optional<CaptureFile> file;
  bool anyRecords = false;  // from this file
};

RecordSource::State::State(std::vector<std::string> inputs, const ExtractOptions& given)
    : paths(std::move(inputs)), options(given) {
  bool known = !options.follow && options.pushed == nullptr;
  for (const std::string& path : paths) {
    const auto size = sizeOf(path);
    known = known && size.has_value();
    totals.totalBytes += size.value_or(0);
  }
  if (!known) totals.totalBytes = 0;
  if (options.merge)
    merge.emplace(
        paths, CaptureFile::Options{options.follow, options.inputMethod, &finishing, options.pushed}, totals);
}

void RecordSource::State::begin() {
  // Only the last of several files that are read in turn can still grow: the ones before it have to end.
  const bool last = nextPath + 1 == paths.size();
  file.emplace(paths[nextPath], static_cast<std::uint32_t>(nextPath),
               CaptureFile::Options{options.follow && last, options.inputMethod, &finishing, options.pushed});
  if (stop != nullptr) file->waitUntil(deadline, *stop);
  ++nextPath;
  anyRecords = false;
}

RecordSource::Result RecordSource::State::read(std::span<Record> records) {
  if (merge) {
    const Result result = merge->read(records);
    if (result.status == Status::kFailed) error = merge->error();
    return result;
  }
  if (!file) {
    if (nextPath == paths.size()) return {Status::kEnd, 0};
    begin();
  }
  const CaptureFile::Result result = file->read(records);
  file->addTo(totals);
  switch (result.status) {
    case CaptureFile::Status::kRecords:
      anyRecords = true;
      return {Status::kRecords, result.count};
    case CaptureFile::Status::kWaiting:
      return {Status::kWaiting, 0};
    case CaptureFile::Status::kFailed:
      error = file->error();
      // What came before it are sessions that end here.
      if (!anyRecords) file.reset();
      return {Status::kFailed, 0};
    case CaptureFile::Status::kEnd:
      break;
  }
  file.reset();
  return {Status::kEndOfFile, 0};
}

RecordSource::RecordSource(std::vector<std::string> paths, const ExtractOptions& options)
    : state_(std::make_unique<State>(std::move(paths), options)) {}

RecordSource::~RecordSource() = default;

RecordSource::Result RecordSource::read(std::span<Record> records) { return state_->read(records); }

const CaptureError& RecordSource::error() const { return state_->error.value(); }

void RecordSource::hold(std::vector<std::shared_ptr<const void>>& into) {
  if (state_->merge) state_->merge->hold(into);
  if (state_->file) state_->file->hold(into);
}

void RecordSource::waitUntil(Clock::time_point deadline, const std::atomic<bool>& stop) {
  state_->deadline = deadline;
  state_->stop = &stop;
  if (state_->merge) state_->merge->waitUntil(deadline, stop);
  if (state_->file) state_->file->waitUntil(deadline, stop);
}

void RecordSource::finish() { state_->finishing.store(true, std::memory_order_release); }

bool RecordSource::live() const {
  return state_->merge ? state_->merge->live() : state_->file && state_->file->live();
}

bool RecordSource::done() const {
  if (state_->merge) return state_->merge->done();
  return !state_->file && state_->nextPath == state_->paths.size();
}

const SourceTotals& RecordSource::totals() const { return state_->totals; }

}  // namespace flowglyph
