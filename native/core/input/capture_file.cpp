#include "input/capture_file.hpp"

#include <cstring>
#include <utility>

#include "input/file_source.hpp"

namespace flowglyph {

CaptureFile::CaptureFile(std::string path, std::uint32_t group, const Options& options)
    : path_(std::move(path)), group_(group), options_(options) {}

CaptureFile::Result CaptureFile::read(std::span<Record> records) {
  if (ended_) return {Status::kEnd, 0};
  if (reader_ == nullptr) {
    const Result opened = open();
    if (opened.status != Status::kRecords) return opened;
  }
  const std::size_t count = reader_->read(records);
  bytesRead_ = input_->bytesRead();
  if (count == 0) return input_->waiting() ? Result{Status::kWaiting, 0} : close();
  if (group_ != 0)
    for (Record& record : records.first(count)) record.captureGroup = group_;
  return {Status::kRecords, count};
}

// kRecords: there is a reader.
CaptureFile::Result CaptureFile::open() {
  try {
    if (!input_) {
      input_.emplace(
          std::make_unique<FileSource>(path_, FileSourceOptions{options_.follow, options_.finish}));
      if (stop_ != nullptr) input_->waitUntil(deadline_, *stop_);
    }
    reader_ = openCapture(*input_, path_);
  } catch (const CaptureError& error) {
    if (input_ && input_->readError() != 0)
      return fail({kErrIo, path_ + ": expected a readable capture file, received " +
                               std::strerror(input_->readError())});
    // Told to end before it began.
    if (input_ && input_->source().finished()) return close();
    return fail(error);
  }
  return {reader_ == nullptr ? Status::kWaiting : Status::kRecords, 0};
}

CaptureFile::Result CaptureFile::close() {
  const ByteSource& source = input_->source();
  if (reader_ != nullptr) {
    for (const std::string& note : reader_->notes()) warnings_.push_back(path_ + ": " + note);
    const auto& damage = reader_->damage();
    // Where somebody said "enough", half a record is no damage.
    if (damage && !(damage->truncated && source.finished())) {
      truncated_ = truncated_ || damage->truncated;
      warnings_.push_back(path_ + (damage->truncated ? ": truncated" : ": damaged") + " at byte offset " +
                          std::to_string(damage->offset) + ": " + damage->what);
    }
  }
  if (!source.note().empty()) warnings_.push_back(path_ + ": " + source.note());
  if (source.readError() != 0)
    return fail({kErrIo, path_ + ": expected to read on at byte offset " +
                             std::to_string(source.bytesRead()) + ", received " +
                             std::strerror(source.readError())});
  bytesRead_ = source.bytesRead();
  ended_ = true;
  input_.reset();
  return {Status::kEnd, 0};
}

CaptureFile::Result CaptureFile::fail(CaptureError error) {
  if (input_) bytesRead_ = input_->bytesRead();
  error_ = std::move(error);
  ended_ = true;
  input_.reset();
  return {Status::kFailed, 0};
}

void CaptureFile::hold(std::vector<std::shared_ptr<const void>>& into) {
  if (input_) input_->hold(into);
}

void CaptureFile::waitUntil(Clock::time_point deadline, const std::atomic<bool>& stop) {
  deadline_ = deadline;
  stop_ = &stop;
  if (input_) input_->waitUntil(deadline, stop);
}

std::span<const std::uint16_t> CaptureFile::linktypes() const {
  if (reader_ == nullptr) return {};
  return reader_->linktypes();
}

std::vector<std::string> CaptureFile::takeWarnings() { return std::exchange(warnings_, {}); }

}  // namespace flowglyph
