// A few threads that work on one list of tasks at a time, the caller among them. Between lists they wait:
// first spinning, for lists follow each other within microseconds, then asleep.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

namespace flowglyph {

class TaskTeam {
 public:
  explicit TaskTeam(unsigned threads);  // the caller counts as one
  ~TaskTeam();
  TaskTeam(const TaskTeam&) = delete;
  TaskTeam& operator=(const TaskTeam&) = delete;

  unsigned threads() const { return static_cast<unsigned>(others_.size()) + 1; }

  // Runs task(0) ... task(count - 1), begun in that order, and returns when all are done. What a task throws
  // is thrown here, after the others are done. Not from within a task.
  void run(std::size_t count, const std::function<void(std::size_t)>& task);

 private:
  void work();
  void serve();

  const std::function<void(std::size_t)>* task_ = nullptr;
  std::size_t count_ = 0;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::uint32_t> round_{0};  // counts the lists; also what sleepers wait on
  std::atomic<std::uint32_t> busy_{0};   // threads that have not finished this list
  std::atomic<bool> closing_{false};
  std::atomic_flag failed_ = ATOMIC_FLAG_INIT;
  std::exception_ptr failure_;
  std::vector<std::thread> others_;
};

}  // namespace flowglyph
