// DESIGN section 5: the published images of the capture that we have, bit for bit.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "support/extracted.hpp"
#include "support/idx.hpp"

using namespace flowglyph;
using namespace flowglyph::test;

namespace {

constexpr std::uint8_t kFacetime = 1;  // class number in the USTC sets

void reproduces(const std::string& set, View view) {
  const std::string data = dataFolder();
  const std::string capture = data + "/raw/ustc/Facetime.pcap", folder = data + "/ustc20/" + set;
  if (data.empty()) {
    MESSAGE("skipped: no data; FLOWGLYPH_DATA names a folder with raw/ustc and ustc20");
    return;
  }
  ExtractOptions options = plainOptions();
  options.view = view;
  options.order = Order::kCapture;  // as the published sets hold payload
  const Extracted got = extract({capture}, options, 500);
  CHECK(got.summary.packets == 6000);
  CHECK(got.rows.size() == 6000);
  std::set<std::string> ours;
  for (const Row& row : got.rows) ours.emplace(row.image.begin(), row.image.end());

  for (const std::string part : {"train", "t10k"}) {
    const ByteVector images = readIdx(folder + "/" + part + "-images-idx3-ubyte.gz");
    const ByteVector labels = readIdx(folder + "/" + part + "-labels-idx1-ubyte.gz");
    REQUIRE(images.size() == labels.size() * kImageBytes);
    std::size_t published = 0, reproduced = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (labels[i] != kFacetime) continue;
      ++published;
      const auto begin = images.begin() + static_cast<std::ptrdiff_t>(i * kImageBytes);
      reproduced += ours.contains(std::string(begin, begin + kImageBytes));
    }
    MESSAGE(set << " " << part << ": " << reproduced << " of " << published << " Facetime images reproduced");
    CHECK(published > 0);
    CHECK(reproduced == published);
  }
}

}  // namespace

TEST_SUITE_BEGIN("published images");

TEST_CASE("Session, all layers") { reproduces("SessionAllLayers", View::kPcap); }
TEST_CASE("Session, L7") { reproduces("SessionL7", View::kL7); }

TEST_SUITE_END();
