#include "input/capture_file.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

#include "input/decoding_source.hpp"
#include "input/file_source.hpp"
#include "input/pushed_source.hpp"

namespace flowglyph {
namespace {

// As long as a classic file header.
constexpr std::size_t kStartBytes = 24;

// "truncated at byte offset 1234: ..."
std::string describe(const CaptureDamage& damage, std::string_view unit = {}) {
  return (damage.truncated ? "truncated" : "damaged") + (" at byte offset " + std::to_string(damage.offset)) +
         std::string(unit) + ": " + damage.what;
}

std::string describeStart(Bytes start, bool wholeFile) {
  if (start.empty()) return wholeFile ? "an empty file" : "nothing";
  std::string text;
  for (const std::uint8_t byte : start.first(std::min<std::size_t>(start.size(), 8))) {
    char hex[4];
    std::snprintf(hex, sizeof hex, "%02x ", byte);
    text += hex;
  }
  text.pop_back();
  if (start.size() < kStartBytes) text += " (" + std::to_string(start.size()) + " bytes in all)";
  return text;
}

}  // namespace

CaptureFile::CaptureFile(std::string path, std::uint32_t group, const Options& options)
    : path_(std::move(path)), group_(group), options_(options) {}

CaptureFile::Result CaptureFile::read(std::span<Record> records) {
  if (ended_) return {Status::kEnd, 0};
  if (reader_ == nullptr) {
    const Result opened = open();
    if (opened.status != Status::kRecords) return opened;
  }
  if (mapped_ != nullptr) return readMapped(records);
  const std::size_t count = reader_->read(records);
  bytesRead_ = input_->bytesRead();
  if (count == 0) return input_->waiting() ? Result{Status::kWaiting, 0} : close();
  mark(records.first(count));
  return {Status::kRecords, count};
}

// As read(), but what lies behind the present end of the file is not handed out.
CaptureFile::Result CaptureFile::readMapped(std::span<Record> records) {
  mapped_->forget();
  std::size_t count = reader_->read(records);
  bytesRead_ = input_->bytesRead();
  if (const auto shrunk = mapped_->shrunk()) {
    const auto whole = [&](const Record& record) { return record.data + record.capLength <= shrunk->sound; };
    std::size_t sound = 0;
    while (sound < count && whole(records[sound])) ++sound;
    // Once those are used, the next call finds the same, and no records before it.
    if (sound == 0)
      return fail({kErrIo, path_ + ": expected a file that keeps its " + std::to_string(shrunk->from) +
                               " bytes while it is mapped, received one that shrank to " +
                               std::to_string(shrunk->to)});
    count = sound;
  }
  if (count == 0) return close();
  mark(records.first(count));
  return {Status::kRecords, count};
}

void CaptureFile::mark(std::span<Record> records) const {
  if (group_ == 0) return;
  for (Record& record : records) record.captureGroup = group_;
}

// kRecords: there is a reader.
CaptureFile::Result CaptureFile::open() {
  try {
    if (input_ == nullptr) openInput();
    return {openReader() ? Status::kRecords : Status::kWaiting, 0};
  } catch (const CaptureError& error) {
    if (!blocks_) return fail(error);
    const ByteSource& source = blocks_->source();
    if (source.readError() != 0)
      return fail({kErrIo, path_ + ": expected a readable capture file, received " +
                               std::strerror(source.readError())});
    // Told to end before it began.
    if (source.finished()) return close();
    const auto& damage = source.damage();
    return fail(damage ? CaptureError(error.code(), error.what() + ("; " + describe(*damage))) : error);
  }
}

void CaptureFile::openInput() {
  const bool pushed = options_.pushed != nullptr;
  if (options_.method == InputMethod::kMap && !options_.follow && !pushed) mapped_ = MappedInput::open(path_);
  if (mapped_ != nullptr) {
    input_ = mapped_.get();
    if (findCompression(mapped_->buffered()) == nullptr) return;
    mapped_.reset();
  }
  if (pushed) {
    blocks_.emplace(std::make_unique<PushedSource>(options_.pushed, options_.finish));
  } else {
    blocks_.emplace(std::make_unique<FileSource>(path_, FileSourceOptions{options_.follow, options_.finish}));
  }
  if (stop_ != nullptr) blocks_->waitUntil(deadline_, *stop_);
  input_ = &*blocks_;
}

bool CaptureFile::openReader() {
  if (blocks_ && compression_ == nullptr) {
    // Less than a capture's header: the start of a compressed file may be all that there is.
    const Bytes start = blocks_->require(kStartBytes);
    if (blocks_->waiting()) return false;
    compression_ = findCompression(start);
    if (compression_ != nullptr) decompress(*compression_);
  }
  const Bytes start = input_->require(kStartBytes);
  if (input_->waiting()) return false;
  reader_ = openCapture(*input_, start);
  if (reader_ != nullptr) return true;
  const Compression* const inner = findCompression(start);
  std::string what = path_ + ": expected a pcap (magic a1b2c3d4, a1b23c4d) or pcapng (0a0d0d0a) capture";
  if (compression_ != nullptr) what += " inside the " + std::string(compression_->name) + " data";
  what += ", received " + describeStart(start, compression_ == nullptr);
  if (inner != nullptr)
    what += " (" + std::string(inner->name) + " data inside " + std::string(compression_->name) +
            " data: decompress the outer one first)";
  throw CaptureError(kErrCaptureFormat, what);
}

void CaptureFile::decompress(const Compression& compression) {
  if (compression.makeDecoder == nullptr) {
    throw CaptureError(
        kErrCaptureFormat,
        path_ + ": expected a capture that is plain or compressed by gzip, zstd or xz, received " +
            std::string(compression.name) + " data: " + std::string(compression.remedy) + " it first");
  }
  const std::vector<std::uint8_t> start(blocks_->buffered().begin(), blocks_->buffered().end());
  blocks_.emplace(std::make_unique<DecodingSource>(compression, blocks_->takeSource(), start));
  input_ = &*blocks_;
}

CaptureFile::Result CaptureFile::close() {
  static const std::optional<CaptureDamage> kNone;
  const ByteSource* const source = blocks_ ? &blocks_->source() : nullptr;
  if (reader_ != nullptr)
    for (const std::string& note : reader_->notes()) warnings_.push_back(path_ + ": " + note);
  // A record that is cut because its compressed data are is one damage, and theirs is the one that says
  // where.
  const auto& inner = reader_ != nullptr ? reader_->damage() : kNone;
  const auto& outer = source != nullptr ? source->damage() : kNone;
  // Where somebody said "enough", half a record is no damage.
  const bool cutByUs = source != nullptr && source->finished();
  if (outer) {
    warn(*outer, "");
  } else if (inner && !(inner->truncated && cutByUs)) {
    warn(*inner, compression_ != nullptr ? " of the decompressed data" : "");
  }
  if (source != nullptr && !source->note().empty()) warnings_.push_back(path_ + ": " + source->note());
  if (source != nullptr && source->readError() != 0)
    return fail({kErrIo, path_ + ": expected to read on at byte offset " +
                             std::to_string(source->bytesRead()) + ", received " +
                             std::strerror(source->readError())});
  release();
  return {Status::kEnd, 0};
}

void CaptureFile::warn(const CaptureDamage& damage, std::string_view unit) {
  truncated_ = truncated_ || damage.truncated;
  warnings_.push_back(path_ + ": " + describe(damage, unit));
}

CaptureFile::Result CaptureFile::fail(CaptureError error) {
  error_ = std::move(error);
  release();
  return {Status::kFailed, 0};
}

void CaptureFile::release() {
  if (input_ != nullptr) bytesRead_ = input_->bytesRead();
  ended_ = true;
  input_ = nullptr;
  blocks_.reset();
  mapped_.reset();
}

void CaptureFile::hold(std::vector<std::shared_ptr<const void>>& into) {
  if (input_ != nullptr) input_->hold(into);
}

void CaptureFile::waitUntil(Clock::time_point deadline, const std::atomic<bool>& stop) {
  deadline_ = deadline;
  stop_ = &stop;
  if (blocks_) blocks_->waitUntil(deadline, stop);
}

void CaptureFile::addTo(SourceTotals& totals) {
  totals.bytesRead += bytesRead_ - bytesAdded_;
  bytesAdded_ = bytesRead_;
  totals.truncated = totals.truncated || truncated_;
  if (reader_ != nullptr) {
    const auto& linktypes = reader_->linktypes();
    for (; linktypesAdded_ < linktypes.size(); ++linktypesAdded_) {
      const std::uint16_t linktype = linktypes[linktypesAdded_];
      if (std::find(totals.linktypes.begin(), totals.linktypes.end(), linktype) == totals.linktypes.end())
        totals.linktypes.push_back(linktype);
    }
  }
  for (std::string& warning : warnings_) totals.warnings.push_back(std::move(warning));
  warnings_.clear();
}

}  // namespace flowglyph
