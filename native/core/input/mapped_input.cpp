#include "input/mapped_input.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "input/mapping_guard.hpp"

namespace flowglyph {
namespace {

// Pages let go of at a time, and how far behind the reader they are.
constexpr std::uint64_t kForgetBytes = std::uint64_t{16} << 20;

}  // namespace

// Stays for as long as somebody holds records in it.
struct MappedInput::Mapping {
  Mapping(int descriptor, void* start, std::size_t size)
      : fd(descriptor),
        data(static_cast<const std::uint8_t*>(start)),
        bytes(size),
        guard(std::in_place, start, size) {}
  ~Mapping() {
    guard.reset();
    ::munmap(const_cast<std::uint8_t*>(data), bytes);
    ::close(fd);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  int fd;
  const std::uint8_t* data;
  std::size_t bytes;
  std::optional<MappingGuard> guard;
};

std::unique_ptr<MappedInput> MappedInput::open(const std::string& path) {
  struct stat info;
  // Looked at before it is opened: a pipe that is opened twice has lost its writer.
  if (path == "-" || ::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_size == 0)
    return nullptr;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return nullptr;
  void* data = MAP_FAILED;
  std::size_t bytes = 0;
  if (::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0) {
    bytes = static_cast<std::size_t>(info.st_size);
    data = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
  }
  if (data == MAP_FAILED) {
    ::close(fd);
    return nullptr;
  }
  ::madvise(data, bytes, MADV_SEQUENTIAL);
  auto mapping = std::make_shared<Mapping>(fd, data, bytes);
  if (!mapping->guard->active()) return nullptr;
  return std::unique_ptr<MappedInput>(new MappedInput(std::move(mapping)));
}

MappedInput::MappedInput(std::shared_ptr<Mapping> mapping) : mapping_(std::move(mapping)) {
  at_ = mapping_->data;
  end_ = at_ + mapping_->bytes;
}

MappedInput::~MappedInput() = default;

Bytes MappedInput::require(std::size_t count) {
  exhausted_ = exhausted_ || buffered().size() < count;
  return buffered();
}

std::uint64_t MappedInput::skip(std::uint64_t count) {
  const std::uint64_t there = std::min<std::uint64_t>(count, buffered().size());
  exhausted_ = exhausted_ || there < count;
  at_ += there;
  return there;
}

void MappedInput::hold(std::vector<std::shared_ptr<const void>>& into) {
  if (into.empty() || into.back() != mapping_) into.push_back(mapping_);
}

std::uint64_t MappedInput::offset() const { return static_cast<std::uint64_t>(at_ - mapping_->data); }

std::uint64_t MappedInput::bytesRead() const { return exhausted_ ? mapping_->bytes : offset(); }

std::optional<MappedInput::Shrunk> MappedInput::shrunk() const {
  struct stat info;
  const auto now = ::fstat(mapping_->fd, &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
  // Below the size now where it grew again.
  const std::uint64_t sound = std::min<std::uint64_t>(now, mapping_->guard->soundBytes());
  if (sound >= bytesRead()) return std::nullopt;
  return Shrunk{mapping_->bytes, now, mapping_->data + sound};
}

void MappedInput::forget() {
  if (offset() < forgotten_ + 2 * kForgetBytes) return;
  ::madvise(const_cast<std::uint8_t*>(mapping_->data) + forgotten_, kForgetBytes, MADV_DONTNEED);
  forgotten_ += kForgetBytes;
}

}  // namespace flowglyph
