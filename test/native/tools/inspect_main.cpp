// Prints what core finds in capture files, one JSON object a line: the conformance run reads it.
//   flowglyph_core_inspect [--idle-timeout S] [--active-timeout S] [--view V] [--mask M]
//                          [--decap all|none|LIST] [--protocols LIST|all] [--no-defragment] CAPTURE...
// A path "@LIST" names a file with one path a line.
#include <atomic>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <new>
#include <sstream>
#include <string>
#include <vector>

#include "extractor.hpp"

namespace {

using namespace flowglyph;

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", c);
      out += code;
    } else {
      out += c;
    }
  }
  return out + '"';
}

// "a,b,c"
std::vector<std::string> listed(const std::string& text) {
  std::vector<std::string> items;
  std::istringstream stream(text);
  for (std::string item; std::getline(stream, item, ',');) items.push_back(item);
  return items;
}

TunnelSet tunnelsOf(const std::string& text) {
  if (text == "all" || text == "none") return text == "all" ? kAllTunnels : 0;
  TunnelSet set = 0;
  for (const std::string& name : listed(text))
    for (std::size_t i = 0; i < kTunnels; ++i)
      if (kTunnelNames[i] == name) set |= TunnelSet{1} << i;
  return set;
}

// Numbers, or `all`.
ProtocolSet protocolsOf(const std::string& text) {
  ProtocolSet set;
  if (text == "all")
    for (unsigned protocol = 0; protocol < 256; ++protocol) set.add(static_cast<std::uint8_t>(protocol));
  else
    for (const std::string& number : listed(text)) set.add(static_cast<std::uint8_t>(std::stoul(number)));
  return set;
}

void inspect(const std::string& path, const ExtractOptions& options) {
  constexpr std::size_t kRows = 256;
  const BatchLayout layout(kRows);
  static std::vector<std::byte> buffer(layout.totalBytes);
  const std::atomic<bool> stop{false};
  std::string error;
  std::size_t rows = 0;
  ExtractSummary summary;
  Extractor extractor({path}, options);
  try {
    while (!extractor.done()) rows += extractor.next(layout, buffer, std::uint64_t{1} << 20, stop);
  } catch (const CaptureError& failure) {
    error = failure.code() + ": " + failure.what();
  }
  summary = extractor.summary();
  std::cout << "{\"path\":" << quoted(path) << ",\"packets\":" << summary.packets
            << ",\"sessionPackets\":" << summary.sessionPackets << ",\"linktypes\":[";
  for (std::size_t i = 0; i < summary.source.linktypes.size(); ++i)
    std::cout << (i == 0 ? "" : ",") << summary.source.linktypes[i];
  std::cout << "],\"rows\":" << rows << ",\"sessions\":{\"tcp\":" << summary.sessions[kTcp]
            << ",\"udp\":" << summary.sessions[kUdp] << "},\"allSessions\":" << summary.emittedSessions()
            << ",\"layers\":{";
  bool firstLayer = true;
  for (std::size_t i = 0; i < kLayers; ++i) {
    if (summary.layers[i] == 0) continue;
    std::cout << (firstLayer ? "" : ",") << quoted(std::string(kLayerNames[i])) << ":" << summary.layers[i];
    firstLayer = false;
  }
  std::cout << "},\"skipped\":{";
  std::uint64_t accounted = summary.sessionPackets;
  for (std::size_t i = 0; i < summary.skipped.size(); ++i) {
    accounted += summary.skipped[i].records;
    std::cout << (i == 0 ? "" : ",") << quoted(std::string(summary.skipped[i].reason)) << ":"
              << summary.skipped[i].records;
  }
  std::cout << "},\"accounted\":" << (accounted == summary.packets ? "true" : "false")
            << ",\"truncated\":" << (summary.source.truncated ? "true" : "false") << ",\"warnings\":[";
  for (std::size_t i = 0; i < summary.source.warnings.size(); ++i)
    std::cout << (i == 0 ? "" : ",") << quoted(summary.source.warnings[i]);
  std::cout << "],\"error\":" << (error.empty() ? "null" : quoted(error)) << "}\n";
}

}  // namespace

int main(int argc, char** argv) {
  ExtractOptions options;
  std::vector<std::string> paths;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    const auto value = [&] { return std::string(i + 1 < argc ? argv[++i] : ""); };
    if (arg == "--idle-timeout") {
      options.idleTimeoutNs = std::stoull(value()) * 1'000'000'000;
    } else if (arg == "--active-timeout") {
      options.activeTimeoutNs = std::stoull(value()) * 1'000'000'000;
    } else if (arg == "--view") {
      const std::string view = value();
      options.view = view == "pcap" ? View::kPcap : view == "l7" ? View::kL7 : View::kL3;
    } else if (arg == "--mask") {
      const std::string mask = value();
      options.mask = mask == "none" ? Mask::kNone : mask == "stack" ? Mask::kStack : Mask::kIdentity;
    } else if (arg == "--decap") {
      options.decap = tunnelsOf(value());
    } else if (arg == "--protocols") {
      options.protocols = protocolsOf(value());
    } else if (arg == "--no-defragment") {
      options.view = View::kPcap;  // the view that holds frames as captured, fragments too
    } else if (arg.starts_with("@")) {
      std::ifstream list(arg.substr(1));
      for (std::string line; std::getline(list, line);) paths.push_back(line);
    } else {
      paths.push_back(arg);
    }
  }
  if (paths.empty()) {
    std::cerr
        << "usage: flowglyph_core_inspect [--idle-timeout S] [--active-timeout S] [--view V] [--mask M] "
           "[--decap all|none|LIST] [--protocols LIST|all] [--no-defragment] CAPTURE... | @LIST\n";
    return 2;
  }
  for (const std::string& path : paths) inspect(path, options);
  return 0;
}
