// Runs an Extractor to its end and holds it to what it promises of any input: it ends, every record is
// accounted for, no row says what cannot be, nothing is written beside the batch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "extractor.hpp"
#include "support/draw.hpp"

namespace flowglyph::fuzz {

struct Extraction {
  std::vector<std::vector<std::uint8_t>> columns;  // all rows' bytes, in the order of kColumnTable
  std::size_t rows = 0;
  ExtractSummary summary;
  std::vector<std::string> errors;
};

// How the rows are asked for: it decides how they are dealt into batches, never what is in them.
struct Pace {
  std::size_t rowsPerBatch = 64;
  std::uint64_t budgetBytes = 1 << 16;
  bool live = false;  // through a pipe: calls may come back for want of input
};

Extraction extractAll(const std::vector<std::string>& paths, const ExtractOptions& options,
                      const Pace& pace = {});

// Rows byte for byte, and all counts.
void checkSame(const Extraction& a, const Extraction& b);

// Any options: timeouts of milliseconds to hours and none, tiny and large memory, sets of tunnels and
// protocols. 12 bytes.
ExtractOptions drawOptions(Draw& draw);
// For a message: which of them.
std::string describe(const ExtractOptions& options);

}  // namespace flowglyph::fuzz
