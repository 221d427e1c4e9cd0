// See word_matrix.hpp.
#include "words/word_matrix.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>

namespace flowglyph {
namespace {

constexpr std::size_t kSessionsOfTask = 64;

// The words of one session at a time, each with how often it occurs, in the order in which they appear.
class SessionWords {
 public:
  explicit SessionWords(Positions positions) : positions_(positions), counts_(kWords) {
    present_.reserve(kMaxWordsOfSession);
  }

  std::span<const std::uint16_t> read(const std::uint8_t* image) {
    for (const std::uint16_t word : present_) counts_[word] = 0;
    present_.clear();
    forEachWord(image, positions_, [&](std::uint16_t word) {
      if (counts_[word]++ == 0) present_.push_back(word);
    });
    return present_;
  }
  std::uint16_t count(std::uint16_t word) const { return counts_[word]; }

 private:
  Positions positions_;
  std::vector<std::uint16_t> counts_;
  std::vector<std::uint16_t> present_;
};

// Each thread takes sessions with a SessionWords of its own: task(session, words, thread).
template <typename Task>
void overSessions(std::size_t sessions, Positions positions, TaskTeam& team, Task&& task) {
  std::atomic<std::size_t> next{0};
  team.run(team.threads(), [&](std::size_t thread) {
    SessionWords words(positions);
    for (std::size_t first; (first = next.fetch_add(kSessionsOfTask)) < sessions;) {
      const std::size_t end = std::min(sessions, first + kSessionsOfTask);
      for (std::size_t session = first; session < end; ++session) task(session, words, thread);
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

WordMatrix wordMatrix(std::span<const std::uint8_t> images, Positions positions, TaskTeam& team) {
  const std::size_t sessions = images.size() / kSessionBytes;
  const auto image = [&](std::size_t session) { return images.data() + session * kSessionBytes; };

  // How many sessions hold a word.
  std::vector<std::vector<std::uint32_t>> holders(team.threads(), std::vector<std::uint32_t>(kWords));
  overSessions(sessions, positions, team, [&](std::size_t session, SessionWords& words, std::size_t thread) {
    for (const std::uint16_t word : words.read(image(session))) ++holders[thread][word];
  });
  WordMatrix matrix;
  std::vector<float> weightOf(kWords, 0.0F);  // 0: not a column
  std::vector<std::uint16_t> columnOf(kWords, 0);
  for (std::size_t word = 0; word < kWords; ++word) {
    std::size_t held = 0;
    for (const auto& ofThread : holders) held += ofThread[word];
    if (held < 2 || 2 * held >= sessions) continue;
    columnOf[word] = static_cast<std::uint16_t>(matrix.words.size());
    matrix.words.push_back(static_cast<std::uint16_t>(word));
    const double reach = positions > 0 ? std::exp(-static_cast<double>(word >> 8) / kReach) : 1;
    weightOf[word] =
        static_cast<float>(reach * std::log(static_cast<double>(sessions) / static_cast<double>(held)));
    matrix.weights.push_back(weightOf[word]);
  }

  SparseRows& rows = matrix.bySession;
  rows.starts.assign(sessions + 1, 0);
  overSessions(sessions, positions, team, [&](std::size_t session, SessionWords& words, std::size_t) {
    for (const std::uint16_t word : words.read(image(session)))
      rows.starts[session + 1] += weightOf[word] > 0;
  });
  for (std::size_t session = 0; session < sessions; ++session)
    rows.starts[session + 1] += rows.starts[session];
  rows.index.resize(rows.starts[sessions]);
  rows.values.resize(rows.starts[sessions]);
  overSessions(sessions, positions, team, [&](std::size_t session, SessionWords& words, std::size_t) {
    std::size_t end = rows.starts[session];
    double squares = 0;
    for (const std::uint16_t word : words.read(image(session))) {
      if (weightOf[word] == 0) continue;
      const float weight = static_cast<float>(words.count(word)) * weightOf[word];
      squares += double{weight} * double{weight};
      rows.index[end] = columnOf[word];
      rows.values[end++] = weight;
    }
    const double scale = squares > 0 ? 1 / std::sqrt(squares) : 0;
    for (std::size_t k = rows.starts[session]; k < end; ++k)
      rows.values[k] = static_cast<float>(rows.values[k] * scale);
  });
  matrix.byWord = transpose(rows, matrix.words.size());
  return matrix;
}

}  // namespace flowglyph
