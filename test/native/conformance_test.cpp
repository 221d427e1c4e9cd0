// Every capture of the conformance corpus through core. Run under sanitizers: what counts is that nothing is
// reported, that all records are accounted for (extract() checks it), and that both kernels agree on real
// input. Session counts are compared with the corpus's expectations by test/conformance.test.ts.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "support/extracted.hpp"
#include "support/idx.hpp"

using namespace flowglyph;
using namespace flowglyph::test;

TEST_SUITE_BEGIN("conformance");

TEST_CASE("every capture is read to its end, and the kernels agree on it") {
  const std::filesystem::path folder = dataFolder() + "/conformance";
  if (!std::filesystem::is_directory(folder)) {
    MESSAGE("skipped: no data; FLOWGLYPH_DATA names a folder with conformance");
    return;
  }
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && entry.path() != folder / "expected.json") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());

  std::uint64_t packets = 0, rows = 0, unreadable = 0;
  for (const std::string& path : paths) {
    CAPTURE(path);
    for (const auto& [view, mask] : {std::pair{View::kPcap, Mask::kStack}, {View::kL3, Mask::kIdentity}}) {
      ExtractOptions options;
      options.view = view;
      options.mask = mask;
      setenv("FLOWGLYPH_SIMD", "scalar", 1);
      const Extracted scalar = extract({path}, options, 17);
      unsetenv("FLOWGLYPH_SIMD");
      const Extracted vector = extract({path}, options, 1024);
      CHECK(scalar.rows == vector.rows);
      if (view == View::kL3) {
        packets += vector.summary.packets;
        rows += vector.rows.size();
        unreadable += !vector.errorCode.empty();
      }
    }
  }
  MESSAGE(paths.size() << " captures, " << packets << " packets, " << rows << " sessions, " << unreadable
                       << " no captures");
  CHECK(paths.size() > 1000);
  CHECK(unreadable <= 1);
}

TEST_SUITE_END();
