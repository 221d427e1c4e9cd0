// Builds capture files in code, in both formats and both byte orders.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "frames.hpp"

namespace flowglyph::test {

// Integers in the order of a file or section.
class OrderedBytes {
 public:
  explicit OrderedBytes(bool bigEndian) : bigEndian_(bigEndian) {}
  void put16(std::uint16_t v);
  void put32(std::uint32_t v);
  void put64(std::uint64_t v);
  void putBytes(const ByteVector& bytes);
  ByteVector bytes;

 private:
  bool bigEndian_;
};

struct PcapOptions {
  std::uint32_t linktype = 1;
  bool bigEndian = false;
  bool nanoseconds = false;
  std::uint32_t magic = 0;  // 0: by `nanoseconds`
  std::uint16_t minorVersion = 4;
  std::uint16_t majorVersion = 2;
  std::uint32_t snapLength = 65535;
};

class PcapBuilder {
 public:
  explicit PcapBuilder(const PcapOptions& options = {});
  // `origLength` 0: as captured.
  PcapBuilder& record(std::int64_t timeNs, const ByteVector& frame, std::uint32_t origLength = 0);
  const ByteVector& bytes() const { return out_.bytes; }

 private:
  PcapOptions options_;
  OrderedBytes out_;
};

struct InterfaceOptions {
  std::uint16_t linktype = 1;
  std::uint32_t snapLength = 0;
  std::optional<std::uint8_t> tsResol;
  std::optional<std::int64_t> tsOffset;
};

class PcapngBuilder {
 public:
  PcapngBuilder& section(bool bigEndian = false, std::uint16_t major = 1);
  PcapngBuilder& interface(const InterfaceOptions& options = {});
  PcapngBuilder& enhanced(std::uint32_t interface, std::uint64_t units, const ByteVector& frame,
                          std::uint32_t origLength = 0);
  PcapngBuilder& old(std::uint16_t interface, std::uint64_t units, const ByteVector& frame);
  PcapngBuilder& simple(const ByteVector& frame, std::uint32_t origLength = 0);
  PcapngBuilder& block(std::uint32_t type, const ByteVector& body);  // padded to 4
  const ByteVector& bytes() const { return bytes_; }

 private:
  bool bigEndian_ = false;
  ByteVector bytes_;
};

// A file that goes away with the object.
class TempFile {
 public:
  explicit TempFile(const ByteVector& bytes);
  ~TempFile();
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  void write(const ByteVector& bytes) const;  // instead of what it held
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace flowglyph::test
