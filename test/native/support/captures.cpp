#include "captures.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace flowglyph::test {

void OrderedBytes::put16(std::uint16_t v) {
  for (int i = 0; i < 2; ++i) bytes.push_back(static_cast<std::uint8_t>(v >> 8 * (bigEndian_ ? 1 - i : i)));
}
void OrderedBytes::put32(std::uint32_t v) {
  for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<std::uint8_t>(v >> 8 * (bigEndian_ ? 3 - i : i)));
}
void OrderedBytes::put64(std::uint64_t v) {
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<std::uint8_t>(v >> 8 * (bigEndian_ ? 7 - i : i)));
}
void OrderedBytes::putBytes(const ByteVector& more) { append(bytes, more); }

PcapBuilder::PcapBuilder(const PcapOptions& options) : options_(options), out_(options.bigEndian) {
  out_.put32(options.magic != 0 ? options.magic : options.nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4);
  out_.put16(options.majorVersion);
  out_.put16(options.minorVersion);
  out_.put64(0);
  out_.put32(options.snapLength);
  out_.put32(options.linktype);
  if (options.magic == 0x1c0001ac || options.magic == 0x1c0001ab) out_.put32(12345);  // bytes of the records
}

PcapBuilder& PcapBuilder::record(std::int64_t timeNs, const ByteVector& frame, std::uint32_t origLength) {
  out_.put32(static_cast<std::uint32_t>(timeNs / 1'000'000'000));
  out_.put32(static_cast<std::uint32_t>(timeNs % 1'000'000'000 / (options_.nanoseconds ? 1 : 1000)));
  const auto captured = static_cast<std::uint32_t>(frame.size());
  const std::uint32_t original = origLength != 0 ? origLength : captured;
  const bool swapped =
      (options_.majorVersion == 2 && options_.minorVersion < 3) || options_.majorVersion == 543;
  out_.put32(swapped ? original : captured);
  out_.put32(swapped ? captured : original);
  if (options_.magic == 0xa1b2cd34) out_.put64(0);
  out_.putBytes(frame);
  return *this;
}

PcapngBuilder& PcapngBuilder::section(bool bigEndian, std::uint16_t major) {
  bigEndian_ = bigEndian;
  OrderedBytes body(bigEndian);
  body.put32(0x1A2B3C4D);
  body.put16(major);
  body.put16(0);
  body.put64(~std::uint64_t{0});
  return block(0x0A0D0D0A, body.bytes);
}

PcapngBuilder& PcapngBuilder::interface(const InterfaceOptions& options) {
  OrderedBytes body(bigEndian_);
  body.put16(options.linktype);
  body.put16(0);
  body.put32(options.snapLength);
  body.put16(2);  // if_name, of a length that wants padding
  body.put16(3);
  body.putBytes({'e', 't', 'h', 0});
  if (options.tsResol) {
    body.put16(9);
    body.put16(1);
    body.putBytes({*options.tsResol, 0, 0, 0});
  }
  if (options.tsOffset) {
    body.put16(14);
    body.put16(8);
    body.put64(static_cast<std::uint64_t>(*options.tsOffset));
  }
  body.put32(0);
  return block(1, body.bytes);
}

PcapngBuilder& PcapngBuilder::enhanced(std::uint32_t interface, std::uint64_t units, const ByteVector& frame,
                                       std::uint32_t origLength) {
  OrderedBytes body(bigEndian_);
  body.put32(interface);
  body.put32(static_cast<std::uint32_t>(units >> 32));
  body.put32(static_cast<std::uint32_t>(units));
  body.put32(static_cast<std::uint32_t>(frame.size()));
  body.put32(origLength != 0 ? origLength : static_cast<std::uint32_t>(frame.size()));
  body.putBytes(frame);
  return block(6, body.bytes);
}

PcapngBuilder& PcapngBuilder::old(std::uint16_t interface, std::uint64_t units, const ByteVector& frame) {
  OrderedBytes body(bigEndian_);
  body.put16(interface);
  body.put16(0xFFFF);
  body.put32(static_cast<std::uint32_t>(units >> 32));
  body.put32(static_cast<std::uint32_t>(units));
  body.put32(static_cast<std::uint32_t>(frame.size()));
  body.put32(static_cast<std::uint32_t>(frame.size()));
  body.putBytes(frame);
  return block(2, body.bytes);
}

PcapngBuilder& PcapngBuilder::simple(const ByteVector& frame, std::uint32_t origLength) {
  OrderedBytes body(bigEndian_);
  body.put32(origLength != 0 ? origLength : static_cast<std::uint32_t>(frame.size()));
  body.putBytes(frame);
  return block(3, body.bytes);
}

PcapngBuilder& PcapngBuilder::block(std::uint32_t type, const ByteVector& body) {
  const std::size_t padded = (body.size() + 3) / 4 * 4;
  OrderedBytes out(bigEndian_);
  out.put32(type);
  out.put32(static_cast<std::uint32_t>(padded + 12));
  out.putBytes(body);
  out.bytes.resize(8 + padded);
  out.put32(static_cast<std::uint32_t>(padded + 12));
  append(bytes_, out.bytes);
  return *this;
}

TempFile::TempFile(const ByteVector& bytes) {
  path_ = (std::filesystem::temp_directory_path() / "flowglyph-test-XXXXXX").string();
  const int fd = ::mkstemp(path_.data());
  if (fd < 0) throw std::runtime_error("cannot make a temporary file");
  ::close(fd);
  write(bytes);
}

TempFile::~TempFile() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

void TempFile::write(const ByteVector& bytes) const {
  std::FILE* file = std::fopen(path_.c_str(), "wb");
  if (file == nullptr) throw std::runtime_error("cannot write " + path_);
  const bool good = bytes.empty() || std::fwrite(bytes.data(), bytes.size(), 1, file) == 1;
  if (std::fclose(file) != 0 || !good) throw std::runtime_error("cannot write " + path_);
}

}  // namespace flowglyph::test
