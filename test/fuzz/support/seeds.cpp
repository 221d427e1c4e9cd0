#include "support/seeds.hpp"

#include <algorithm>
#include <random>

#include "support/captures.hpp"
#include "support/compressed.hpp"
#include "support/packet_grammar.hpp"

namespace flowglyph::fuzz {
namespace {

using namespace flowglyph::test;

ByteVector randomBytes(std::mt19937_64& random, std::size_t count) {
  ByteVector bytes(count);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

void appendLittle16(ByteVector& to, std::size_t value) {
  to.push_back(static_cast<std::uint8_t>(value));
  to.push_back(static_cast<std::uint8_t>(value >> 8));
}

ByteVector pcapOf(const SampleFrames& sample, const PcapOptions& options) {
  PcapOptions each = options;
  each.linktype = sample.linktype;
  PcapBuilder pcap(each);
  std::int64_t time = 1'700'000'000'000'000'000;
  for (const ByteVector& frame : sample.frames) {
    pcap.record(time, frame, static_cast<std::uint32_t>(frame.size() + (time / 1'000'000 % 3 == 0 ? 4 : 0)));
    time += 1'300'000'000;
  }
  return pcap.bytes();
}

ByteVector pcapngOf(const std::vector<SampleFrames>& samples, bool bigEndian) {
  PcapngBuilder ng;
  ng.section(bigEndian);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    InterfaceOptions interface { .linktype = samples[i].linktype };
    if (i % 3 == 1) interface.tsResol = 9;
    if (i % 3 == 2) interface.tsOffset = -5;
    if (i % 4 == 3) interface.snapLength = 60;
    ng.interface(interface);
  }
  std::uint64_t units = 1'700'000'000'000'000;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    for (std::size_t j = 0; j < samples[i].frames.size(); ++j) {
      const ByteVector& frame = samples[i].frames[j];
      units += 700'000;
      if (j % 5 == 3) {
        ng.old(static_cast<std::uint16_t>(i), units, frame);
      } else {
        ng.enhanced(static_cast<std::uint32_t>(i), units, frame);
      }
      if (j % 4 == 1) ng.block(0x0BAD, filled(j * 3, 1));
    }
  }
  if (!samples.empty() && !samples[0].frames.empty()) ng.simple(samples[0].frames[0]);
  return ng.bytes();
}

std::vector<Seed> readerSeeds() {
  std::vector<Seed> seeds = sampleCaptures();
  const ByteVector plain = seeds.back().bytes;
  seeds.push_back({"gzip", gzipOf(plain)});
  seeds.push_back({"bgzf", bgzfOf(plain)});
  seeds.push_back({"zstd", zstdOf(plain)});
  seeds.push_back({"xz", xzOf(plain)});
  ByteVector skippable = skippableFrame(filled(20, 1));
  append(skippable, zstdOf(plain));
  seeds.push_back({"zstd-skippable", skippable});
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    ByteVector input = {static_cast<std::uint8_t>(i % 4 == 0 || i + 5 >= seeds.size() ? 0x1F : i % 4),
                        static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i)};
    append(input, seeds[i].bytes);
    seeds[i].bytes = std::move(input);
  }
  return seeds;
}

std::vector<Seed> walkSeeds() {
  std::vector<Seed> seeds;
  for (const SampleFrames& sample : sampleFrames(3, 24)) {
    for (std::size_t i = 0; i < sample.frames.size(); ++i) {
      const ByteVector& frame = sample.frames[i];
      ByteVector input;
      appendLittle16(input, sample.linktype);
      appendLittle16(input, frame.size());
      appendLittle16(input, 0);
      appendLittle16(input, frame.size());
      append(input, {0xFF, 0x07, 0, 0, 6, 17, static_cast<std::uint8_t>(i % 2)});
      append(input, frame);
      seeds.push_back({std::to_string(sample.linktype) + "-" + std::to_string(i), input});
    }
  }
  return seeds;
}

std::vector<Seed> encoderSeeds() {
  std::vector<Seed> seeds;
  for (const SampleFrames& sample : sampleFrames(4, 12)) {
    for (unsigned how = 0; how < 9; ++how) {
      ByteVector input = {static_cast<std::uint8_t>(how + 9 * (how % 3)), 0};
      appendLittle16(input, sample.linktype);
      input.push_back(0);
      for (const ByteVector& frame : sample.frames) {
        if (frame.size() >= 2048) continue;
        appendLittle16(input, frame.size());
        input.push_back(0);
        append(input, frame);
      }
      seeds.push_back({std::to_string(sample.linktype) + "-" + std::to_string(how), input});
    }
  }
  std::mt19937_64 random(5);
  for (std::size_t length : {0, 1, 31, 33, 200, 790}) {
    ByteVector input = {250};
    appendLittle16(input, length);
    append(input, randomBytes(random, length));
    input.push_back(3);
    appendLittle16(input, 899 - length);
    append(input, randomBytes(random, 900 - length));
    seeds.push_back({"kernel-" + std::to_string(length), input});
  }
  return seeds;
}

// Images of sample frames behind each kind of file header, and drawn captures.
std::vector<Seed> maskerSeeds() {
  std::mt19937_64 random(10);
  std::vector<Seed> seeds;
  for (const SampleFrames& sample : sampleFrames(11, 12)) {
    for (std::uint8_t how = 0; how < 9; ++how) {
      const std::uint8_t kind = how % 4;
      ByteVector input = {how, kind};
      appendLittle16(input, sample.linktype);
      const ByteVector capture =
          pcapOf(sample, {.bigEndian = (kind & 1) == 0, .nanoseconds = (kind & 2) != 0});
      input.insert(input.end(), capture.begin() + 24, capture.end());
      seeds.push_back({"image-" + std::to_string(sample.linktype) + "-" + std::to_string(how), input});
      ByteVector drawn = {how, 8};
      append(drawn, randomBytes(random, 200 + 100 * how));
      seeds.push_back({"drawn-" + std::to_string(sample.linktype) + "-" + std::to_string(how), drawn});
    }
  }
  return seeds;
}

// One datagram in order, backwards, doubled; then random ones, in each mode.
std::vector<Seed> defragmentSeeds() {
  std::vector<Seed> seeds;
  const auto fragment = [](ByteVector& to, std::uint8_t identity, std::size_t index, bool last) {
    append(to, {identity, static_cast<std::uint8_t>(last ? 1 : 0), static_cast<std::uint8_t>(index), 0, 1, 0,
                1, 0});
  };
  for (std::uint8_t mode = 0; mode < 3; ++mode) {
    for (std::uint8_t identity = 0; identity < 64; identity += 3) {
      ByteVector input = {mode, 64};
      for (std::size_t i = 0; i < 4; ++i) fragment(input, identity, i, i == 3);
      for (std::size_t i = 4; i-- > 0;) fragment(input, identity, i, i == 3);
      for (std::size_t i = 0; i < 8; ++i) fragment(input, identity, i / 2, i / 2 == 3);
      seeds.push_back({"orders-" + std::to_string(mode) + "-" + std::to_string(identity), input});
    }
  }
  std::mt19937_64 random(7);
  for (std::uint8_t mode = 0; mode < 32; ++mode) {
    ByteVector input = randomBytes(random, 400);
    input[0] = static_cast<std::uint8_t>(mode * 8 + mode % 4);
    seeds.push_back({"random-" + std::to_string(mode), input});
  }
  return seeds;
}

// Connections in order, and with one kind of trouble each.
std::vector<Seed> streamSeeds() {
  std::mt19937_64 random(8);
  std::vector<Seed> seeds;
  for (std::uint8_t trouble = 0; trouble < 8; ++trouble) {
    ByteVector input;
    for (std::size_t i = 0; i < 60; ++i) {
      ByteVector segment = randomBytes(random, 10);
      segment[0] = static_cast<std::uint8_t>(i % 3);
      if (i % 4 != 3) segment[1] &= 0x7F;                                      // plain flags
      segment[2] = static_cast<std::uint8_t>(i % 3 == 2 ? 64 + trouble : 69);  // 69: in order
      append(input, segment);
    }
    seeds.push_back({"trouble-" + std::to_string(trouble), input});
  }
  for (std::size_t i = 0; i < 24; ++i)
    seeds.push_back({"random-" + std::to_string(i), randomBytes(random, 40 + 50 * i)});
  return seeds;
}

// Options that follow one another, then a capture or drawn packets.
std::vector<Seed> extractorSeeds() {
  std::mt19937_64 random(6);
  std::vector<Seed> seeds;
  const auto headed = [&](std::uint8_t kind) {
    ByteVector input = randomBytes(random, 14);
    input.push_back(kind);
    return input;
  };
  for (const Seed& capture : sampleCaptures()) {
    ByteVector input = headed(3);
    append(input, capture.bytes);
    seeds.push_back({capture.name, input});
  }
  for (std::size_t i = 0; i < 64; ++i) {
    ByteVector input = headed(0);
    append(input, randomBytes(random, 100 + 20 * i));
    seeds.push_back({"drawn-" + std::to_string(i), input});
  }
  return seeds;
}

}  // namespace

std::vector<SampleFrames> sampleFrames(std::uint64_t seed, std::size_t packetsEach) {
  std::vector<SampleFrames> samples;
  for (const std::uint16_t linktype : kGrammarLinktypes) {
    std::mt19937_64 random(seed * 1000 + linktype);
    Connections connections;
    SampleFrames sample{linktype, {}};
    while (sample.frames.size() < packetsEach) {
      const ByteVector bytes = randomBytes(random, 300);
      Draw draw(bytes);
      for (const ByteVector& ip : ipPackets(connections, draw)) {
        if (ip.size() < 1700) sample.frames.push_back(frameAround(linktype, ip, draw));
      }
    }
    samples.push_back(std::move(sample));
  }
  return samples;
}

std::vector<Seed> sampleCaptures() {
  std::vector<Seed> seeds;
  const std::vector<SampleFrames> samples = sampleFrames(1, 16), few = sampleFrames(2, 3);
  const PcapOptions forms[] = {{},
                               {.bigEndian = true},
                               {.nanoseconds = true},
                               {.bigEndian = true, .nanoseconds = true},
                               {.magic = 0xa1b2cd34},
                               {.minorVersion = 2},
                               {.snapLength = 0},
                               {.snapLength = 96}};
  for (const SampleFrames& sample : samples)
    seeds.push_back({"pcap-" + std::to_string(sample.linktype), pcapOf(sample, {})});
  for (std::size_t i = 0; i < std::size(forms); ++i)
    seeds.push_back({"pcap-form-" + std::to_string(i), pcapOf(few[i % few.size()], forms[i])});
  seeds.push_back({"pcap-empty", pcapOf({1, {}}, {})});
  seeds.push_back({"pcapng", pcapngOf(few, false)});
  seeds.push_back({"pcapng-big", pcapngOf(few, true)});
  ByteVector both = pcapngOf({few[0]}, false);
  append(both, pcapngOf({few[1], few[2]}, true));
  seeds.push_back({"pcapng-sections", both});
  return seeds;
}

Seed longCapture() {
  SampleFrames sample{1, {}};
  std::mt19937_64 random(9);
  Connections connections;
  while (sample.frames.size() < 9000) {
    const ByteVector bytes = randomBytes(random, 60);
    Draw draw(bytes);
    for (const ByteVector& ip : ipPackets(connections, draw))
      if (ip.size() < 300) sample.frames.push_back(frameAround(1, ip, draw));
  }
  return {"pcap-long", pcapOf(sample, {.nanoseconds = true})};
}

std::vector<Seed> seedsFor(std::string_view target) {
  if (target == "reader") return readerSeeds();
  if (target == "walk") return walkSeeds();
  if (target == "encoder") return encoderSeeds();
  if (target == "masker") return maskerSeeds();
  if (target == "defragment") return defragmentSeeds();
  if (target == "streams") return streamSeeds();
  if (target == "extractor") return extractorSeeds();
  return {};
}

}  // namespace flowglyph::fuzz
