#include "parse/layer.hpp"

namespace flowglyph {

void LayerTally::spill(Entry& entry, LayerSet next) {
  for (std::size_t i = 0; i < kLayers; ++i)
    if ((entry.layers >> i & 1) != 0) totals_[i] += entry.records;
  entry = {next, 0};
}

std::array<std::uint64_t, kLayers> LayerTally::totals() const {
  std::array<std::uint64_t, kLayers> totals = totals_;
  for (const Entry& entry : cache_)
    for (std::size_t i = 0; i < kLayers; ++i)
      if ((entry.layers >> i & 1) != 0) totals[i] += entry.records;
  return totals;
}

}  // namespace flowglyph
