// A regular file, mapped: nothing is copied, and records are views into the page cache. The file must not
// shrink while it is read; where it does, the reader has to stop: see shrunkTo().
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "input/byte_input.hpp"

namespace flowglyph {

class MappedInput final : public ByteInput {
 public:
  // Null for what cannot be mapped: not a regular file, an empty one, one that is not there. Those are read.
  static std::unique_ptr<MappedInput> open(const std::string& path);
  ~MappedInput() override;

  Bytes require(std::size_t count) override;
  std::uint64_t skip(std::uint64_t count) override;
  void hold(std::vector<std::shared_ptr<const void>>& into) override;
  bool waiting() const override { return false; }
  std::uint64_t offset() const override;
  std::uint64_t bytesRead() const override;

  struct Shrunk {
    std::uint64_t from, to;     // bytes of the file
    const std::uint8_t* sound;  // the end of what was looked at and is its own
  };
  // What the file has shrunk to, when that is less than was looked at so far: from there on there are zeros,
  // or were. To be asked after records were found and before they are handed out. What shrinks later shows as
  // zeros in them, and here.
  std::optional<Shrunk> shrunk() const;
  // Lets go of the pages well before the unread bytes: a file larger than memory must not fill the process.
  // Whoever holds records there finds them all the same, from the page cache.
  void forget();

 private:
  struct Mapping;
  explicit MappedInput(std::shared_ptr<Mapping> mapping);

  std::shared_ptr<Mapping> mapping_;
  std::uint64_t forgotten_ = 0;  // bytes from the start
  bool exhausted_ = false;       // more was asked for than there is
};

}  // namespace flowglyph
