#include "extractor.hpp"

#include <numeric>

#include "session/session_engine.hpp"

namespace flowglyph {

struct Extractor::State {
  State(std::vector<std::string> paths, const ExtractOptions& options) : engine(std::move(paths), options) {}
  SessionEngine engine;
};

Extractor::Extractor(std::vector<std::string> paths, const ExtractOptions& options)
    : state_(std::make_unique<State>(std::move(paths), options)) {}

Extractor::~Extractor() = default;

std::size_t Extractor::next(const BatchLayout& layout, std::span<std::byte> buffer, std::uint64_t budgetBytes,
                            const std::atomic<bool>& stop) {
  return state_->engine.next(layout, buffer, budgetBytes, stop);
}

bool Extractor::done() const { return state_->engine.done(); }

bool Extractor::live() const { return state_->engine.live(); }

void Extractor::finish() { state_->engine.finish(); }

ExtractSummary Extractor::summary() const { return state_->engine.summary(); }

std::uint64_t ExtractSummary::emittedSessions() const {
  return std::accumulate(sessions.begin(), sessions.end(), std::uint64_t{0});
}

}  // namespace flowglyph
