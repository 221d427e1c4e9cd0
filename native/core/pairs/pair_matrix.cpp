// See pair_matrix.hpp.
#include "pairs/pair_matrix.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>

namespace flowglyph {
namespace {

constexpr std::size_t kSessionsOfTask = 64;

// The pairs of one session at a time, each with how often it occurs, in the order in which they appear.
class SessionPairs {
 public:
  SessionPairs() : counts_(kPairs) { present_.reserve(kPairsOfSession); }

  std::span<const std::uint16_t> read(const std::uint8_t* image) {
    for (const std::uint16_t pair : present_) counts_[pair] = 0;
    present_.clear();
    forEachPair(image, [&](std::uint16_t pair) {
      if (counts_[pair]++ == 0) present_.push_back(pair);
    });
    return present_;
  }
  std::uint16_t count(std::uint16_t pair) const { return counts_[pair]; }

 private:
  std::vector<std::uint16_t> counts_;
  std::vector<std::uint16_t> present_;
};

// Each thread takes sessions with a SessionPairs of its own: task(session, pairs, thread).
template <typename Task>
void overSessions(std::size_t sessions, TaskTeam& team, Task&& task) {
  std::atomic<std::size_t> next{0};
  team.run(team.threads(), [&](std::size_t thread) {
    SessionPairs pairs;
    for (std::size_t first; (first = next.fetch_add(kSessionsOfTask)) < sessions;) {
      const std::size_t end = std::min(sessions, first + kSessionsOfTask);
      for (std::size_t session = first; session < end; ++session) task(session, pairs, thread);
    }
  });
}

SparseRows transpose(const SparseRows& rows, std::size_t columns) {
  SparseRows turned;
  turned.starts.assign(columns + 1, 0);
  for (const std::uint16_t column : rows.index) ++turned.starts[column + 1];
  for (std::size_t c = 0; c < columns; ++c) turned.starts[c + 1] += turned.starts[c];
  turned.index.resize(rows.index.size());
  turned.values.resize(rows.values.size());
  std::vector<std::size_t> next(turned.starts.begin(), turned.starts.end() - 1);
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    for (std::size_t k = rows.starts[row]; k < rows.starts[row + 1]; ++k) {
      const std::size_t place = next[rows.index[k]]++;
      turned.index[place] = static_cast<std::uint16_t>(row);
      turned.values[place] = rows.values[k];
    }
  }
  return turned;
}

}  // namespace

PairMatrix pairMatrix(std::span<const std::uint8_t> images, TaskTeam& team) {
  const std::size_t sessions = images.size() / kSessionBytes;
  const auto image = [&](std::size_t session) { return images.data() + session * kSessionBytes; };

  // How many sessions hold a pair.
  std::vector<std::vector<std::uint32_t>> holders(team.threads(), std::vector<std::uint32_t>(kPairs));
  overSessions(sessions, team, [&](std::size_t session, SessionPairs& pairs, std::size_t thread) {
    for (const std::uint16_t pair : pairs.read(image(session))) ++holders[thread][pair];
  });
  PairMatrix matrix;
  std::vector<float> idfOf(kPairs, 0.0F);  // 0: not a column
  std::vector<std::uint16_t> columnOf(kPairs, 0);
  for (std::size_t pair = 0; pair < kPairs; ++pair) {
    std::size_t held = 0;
    for (const auto& ofThread : holders) held += ofThread[pair];
    if (held < 2 || 2 * held >= sessions) continue;
    columnOf[pair] = static_cast<std::uint16_t>(matrix.pairs.size());
    matrix.pairs.push_back(static_cast<std::uint16_t>(pair));
    idfOf[pair] = static_cast<float>(std::log(static_cast<double>(sessions) / static_cast<double>(held)));
    matrix.idf.push_back(idfOf[pair]);
  }

  SparseRows& rows = matrix.bySession;
  rows.starts.assign(sessions + 1, 0);
  overSessions(sessions, team, [&](std::size_t session, SessionPairs& pairs, std::size_t) {
    for (const std::uint16_t pair : pairs.read(image(session))) rows.starts[session + 1] += idfOf[pair] > 0;
  });
  for (std::size_t session = 0; session < sessions; ++session)
    rows.starts[session + 1] += rows.starts[session];
  rows.index.resize(rows.starts[sessions]);
  rows.values.resize(rows.starts[sessions]);
  overSessions(sessions, team, [&](std::size_t session, SessionPairs& pairs, std::size_t) {
    std::size_t end = rows.starts[session];
    double squares = 0;
    for (const std::uint16_t pair : pairs.read(image(session))) {
      if (idfOf[pair] == 0) continue;
      const float weight = static_cast<float>(pairs.count(pair)) * idfOf[pair];
      squares += double{weight} * double{weight};
      rows.index[end] = columnOf[pair];
      rows.values[end++] = weight;
    }
    const double scale = squares > 0 ? 1 / std::sqrt(squares) : 0;
    for (std::size_t k = rows.starts[session]; k < end; ++k)
      rows.values[k] = static_cast<float>(rows.values[k] * scale);
  });
  matrix.byPair = transpose(rows, matrix.pairs.size());
  return matrix;
}

}  // namespace flowglyph
