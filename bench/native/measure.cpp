// Runs a command and writes what it cost as JSON: wall time, processor time of it and its children, peak
// memory.
//   flowglyph_measure REPORT COMMAND [ARGUMENT...]
// Its exit code is the command's (128 + signal where one ended it).
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>

namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: flowglyph_measure REPORT COMMAND [ARGUMENT...]\n");
    return 2;
  }
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = ::fork();
  if (child == 0) {
    ::execvp(argv[2], argv + 2);
    std::perror(argv[2]);
    ::_exit(127);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) {
    std::perror("flowglyph_measure");
    return 1;
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  rusage usage;
  ::getrusage(RUSAGE_CHILDREN, &usage);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  std::FILE* report = std::fopen(argv[1], "w");
  if (report == nullptr) {
    std::perror(argv[1]);
    return 1;
  }
  std::fprintf(report,
               "{\"wall\":%.6f,\"user\":%.6f,\"system\":%.6f,\"peakBytes\":%lld,\"involuntarySwitches\":%ld,"
               "\"exitCode\":%d}\n",
               wall.count(), seconds(usage.ru_utime), seconds(usage.ru_stime),
               static_cast<long long>(usage.ru_maxrss) * 1024, usage.ru_nivcsw, code);
  return std::fclose(report) == 0 ? code : 1;
}
