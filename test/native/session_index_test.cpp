#include "session/session_index.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>

using flowglyph::kNoSlot;
using flowglyph::SessionIndex;

TEST_SUITE_BEGIN("session index");

// Hashes from a small range: long runs, runs around the end of the array, equal hashes of different keys.
TEST_CASE("inserting, finding and erasing equals a std::map, with colliding hashes too") {
  for (const std::uint32_t hashes : {std::uint32_t{4}, std::uint32_t{40}, std::uint32_t{1} << 31}) {
    std::mt19937_64 random(hashes);
    SessionIndex index;
    std::map<std::uint32_t, std::uint32_t> slots;  // slot -> hash
    for (int step = 0; step < 20'000; ++step) {
      const bool grow = step % 8000 < 4000;
      if (slots.empty() || random() % 10 < (grow ? 7 : 3)) {
        if (hashes <= 40 && slots.size() > 300) continue;  // every look-up walks the run
        const auto slot = static_cast<std::uint32_t>(random());
        if (slot == kNoSlot || slots.contains(slot)) continue;
        const auto hash = static_cast<std::uint32_t>(1020 + random() % hashes);
        slots[slot] = hash;
        index.insert(hash, slot);
      } else {
        auto at = slots.lower_bound(static_cast<std::uint32_t>(random()));
        if (at == slots.end()) at = slots.begin();
        index.erase(at->second, at->first);
        CHECK(index.find(at->second, [&](std::uint32_t slot) { return slot == at->first; }) == kNoSlot);
        slots.erase(at);
      }
      REQUIRE(index.size() == slots.size());
      if (step % 500 == 0)
        for (const auto& [slot, hash] : slots)
          REQUIRE(index.find(hash, [&, want = slot](std::uint32_t found) { return found == want; }) == slot);
    }
    index.clear();
    CHECK(index.size() == 0);
    CHECK(index.guess(1021) == kNoSlot);
  }
}

TEST_SUITE_END();
