// One pass over a capture, to be measured from outside (processor time, memory) and from inside (the pass
// alone):
//   walk      every record header is read, nothing else is touched: block reads. The limit for any reader.
//   walkMap   the same over a mapping
//   copy      memcpy of the file's bytes, from memory to memory
//   parse     records and headers, no sessions
//   extract   the whole way to batches of sessions, images and columns
//   flowglyph_capture_pass MODE CAPTURE [--threads N] [--memory BYTES] [--sequence N]
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "bytes.hpp"
#include "extractor.hpp"
#include "input/record_source.hpp"
#include "parse/packet.hpp"

namespace {

using namespace flowglyph;

struct Outcome {
  std::uint64_t packets = 0, sessions = 0, evicted = 0, shortened = 0, peakSessions = 0;
  double wall = 0, processor = 0;  // of the pass alone
};

class Stopwatch {
 public:
  void stop(Outcome& outcome) const {
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start_;
    outcome.wall = wall.count();
    outcome.processor = processor() - processor_;
  }

 private:
  static double processor() {
    rusage usage;
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double processor_ = processor();
};

class File {
 public:
  explicit File(const std::string& path) : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat info;
    if (descriptor_ < 0 || ::fstat(descriptor_, &info) != 0) throw std::runtime_error("cannot read " + path);
    size_ = static_cast<std::size_t>(info.st_size);
  }
  ~File() { ::close(descriptor_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  std::size_t size() const { return size_; }
  int descriptor() const { return descriptor_; }
  std::size_t read(std::uint8_t* to, std::size_t length) const {
    const ssize_t got = ::read(descriptor_, to, length);
    if (got < 0) throw std::runtime_error("cannot read on");
    return static_cast<std::size_t>(got);
  }

 private:
  int descriptor_;
  std::size_t size_ = 0;
};

constexpr std::size_t kFileHeader = 24, kRecordHeader = 16;

// What the generator writes and nothing else: little-endian classic pcap.
Outcome walk(const std::string& path) {
  // A block that stays in the second-level cache is the fastest: 128 KiB to 1 MiB measure alike.
  constexpr std::size_t kBlock = std::size_t{256} << 10;
  Outcome outcome;
  const Stopwatch watch;
  const File file(path);
  const auto block = std::make_unique_for_overwrite<std::uint8_t[]>(kBlock + kRecordHeader);
  std::size_t have = 0;              // bytes kept of the block before: a header that it cut
  std::uint64_t skip = kFileHeader;  // bytes until the next header
  while (const std::size_t got = file.read(block.get() + have, kBlock)) {
    const std::size_t end = have + got;
    std::uint64_t at = skip;
    while (at + kRecordHeader <= end) {
      at += kRecordHeader + loadLittle<std::uint32_t>(block.get() + at + 8);
      ++outcome.packets;
    }
    have = at < end ? end - at : 0;
    std::memmove(block.get(), block.get() + at, have);
    skip = at < end ? 0 : at - end;
  }
  watch.stop(outcome);
  return outcome;
}

struct Unmap {
  std::size_t size;
  void operator()(void* memory) const { ::munmap(memory, size); }
};

Outcome walkMap(const std::string& path) {
  Outcome outcome;
  const Stopwatch watch;
  const File file(path);
  void* mapped = ::mmap(nullptr, file.size(), PROT_READ, MAP_PRIVATE | MAP_POPULATE, file.descriptor(), 0);
  if (mapped == MAP_FAILED) throw std::runtime_error("cannot map " + path);
  const std::unique_ptr<void, Unmap> owner(mapped, Unmap{file.size()});
  const auto* bytes = static_cast<const std::uint8_t*>(mapped);
  for (std::size_t at = kFileHeader; at + kRecordHeader <= file.size(); ++outcome.packets)
    at += kRecordHeader + loadLittle<std::uint32_t>(bytes + at + 8);
  watch.stop(outcome);
  return outcome;
}

Outcome copy(const std::string& path) {
  constexpr std::size_t kPiece = std::size_t{256} << 20;
  const File file(path);
  const std::size_t size = std::min(file.size(), kPiece);
  std::vector<std::uint8_t> from(size), to(size);
  for (std::size_t have = 0; have < size;) have += file.read(from.data() + have, size - have);
  std::memcpy(to.data(), from.data(), size);  // every page is there from now on
  Outcome outcome;
  const Stopwatch watch;
  for (std::size_t done = 0; done < file.size(); done += size)
    std::memcpy(to.data(), from.data(), std::min(size, file.size() - done));
  watch.stop(outcome);
  return outcome;
}

Outcome parse(const std::string& path, const ExtractOptions& options) {
  Outcome outcome;
  const Stopwatch watch;
  RecordSource source({path}, options);
  const Linktype* row = nullptr;
  const ParseOptions how{options.decap, options.protocols, false};
  std::array<Record, 64> records;
  Packet packet;
  std::uint64_t bytes = 0;
  for (;;) {
    const auto [status, count] = source.read(records);
    if (status == RecordSource::Status::kEnd) break;
    if (status == RecordSource::Status::kFailed) throw source.error();
    for (std::size_t i = 0; i < count; ++i) {
      if (row == nullptr || row->number != records[i].linktype) row = findLinktype(records[i].linktype);
      if (parsePacket(records[i], row, how, packet) == SkipReason::kNone) bytes += packet.ipBytes;
    }
    outcome.packets += count;
  }
  watch.stop(outcome);
  if (bytes == 0) throw std::runtime_error("no packet was parsed");
  return outcome;
}

Outcome extract(const std::string& path, const ExtractOptions& options) {
  Outcome outcome;
  const Stopwatch watch;
  const BatchLayout layout(1024, options.sequence);
  const std::atomic<bool> stop{false};
  Extractor extractor({path}, options);
  while (!extractor.done()) {
    // New memory for each batch, as the addon takes it: the consumer keeps them.
    const auto storage = std::make_unique_for_overwrite<std::byte[]>(layout.totalBytes + 64);
    std::byte* aligned = storage.get() + (64 - reinterpret_cast<std::uintptr_t>(storage.get()) % 64) % 64;
    for (std::size_t rows = 0; rows < layout.capacity && !extractor.done();) {
      const BatchLayout free = layout.after(rows);
      rows += extractor.next(free, {aligned, layout.totalBytes}, std::uint64_t{8} << 20, stop);
    }
  }
  watch.stop(outcome);
  const ExtractSummary summary = extractor.summary();
  outcome.packets = summary.packets;
  outcome.sessions = summary.emittedSessions();
  outcome.evicted = summary.ended[static_cast<std::size_t>(EndReason::kEvicted)];
  outcome.shortened = summary.shortenedSessions;
  outcome.peakSessions = summary.peakSessions;
  return outcome;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr,
                 "usage: flowglyph_capture_pass walk|walkMap|copy|parse|extract CAPTURE [--threads N]\n");
    return 2;
  }
  const std::string mode = argv[1], path = argv[2];
  ExtractOptions options;
  for (int i = 3; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--threads") options.threads = static_cast<unsigned>(std::stoul(value));
    if (name == "--memory") options.memoryBytes = std::stoull(value);
    if (name == "--sequence") options.sequence = std::stoull(value);
  }
  try {
    const Outcome outcome = mode == "walk"      ? walk(path)
                            : mode == "walkMap" ? walkMap(path)
                            : mode == "copy"    ? copy(path)
                            : mode == "parse"   ? parse(path, options)
                                                : extract(path, options);
    std::printf(
        "{\"packets\":%llu,\"sessions\":%llu,\"evicted\":%llu,\"shortened\":%llu,\"peakSessions\":%llu,"
        "\"wall\":%.6f,\"processor\":%.6f}\n",
        static_cast<unsigned long long>(outcome.packets), static_cast<unsigned long long>(outcome.sessions),
        static_cast<unsigned long long>(outcome.evicted), static_cast<unsigned long long>(outcome.shortened),
        static_cast<unsigned long long>(outcome.peakSessions), outcome.wall, outcome.processor);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
