#include "soak/watch.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

// Of the sanitizers' run time, where there is one.
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());
extern "C" __attribute__((weak)) void __sanitizer_print_stack_trace();

namespace flowglyph::fuzz {
namespace {

// Plain memory: a signal handler may look at it.
char description[1024] = "";
char foundPath[4096] = "";
Bytes input;
volatile std::sig_atomic_t told = 0;

void print(const char* text) {
  const ssize_t ignored = ::write(STDERR_FILENO, text, std::strlen(text));
  static_cast<void>(ignored);
}

void leaveInput() {
  if (told != 0) return;
  told = 1;
  print("soak: broken by ");
  print(description);
  print("\nsoak: the input is in ");
  print(foundPath);
  print("\n");
  const int fd = ::open(foundPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  for (std::size_t at = 0; fd >= 0 && at < input.size();) {
    const ssize_t wrote = ::write(fd, input.data() + at, input.size() - at);
    if (wrote <= 0) break;
    at += static_cast<std::size_t>(wrote);
  }
  if (fd >= 0) ::close(fd);
}

void onAbort(int) { leaveInput(); }  // and the abort goes on

void onAlarm(int) {
  print("soak: hangs\n");
  if (__sanitizer_print_stack_trace != nullptr) __sanitizer_print_stack_trace();
  std::abort();
}

}  // namespace

void startWatch(const std::filesystem::path& found) {
  std::filesystem::create_directories(found);
  std::snprintf(foundPath, sizeof foundPath, "%s", (found / ("soak-" + std::to_string(::getpid()))).c_str());
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(leaveInput);
  std::signal(SIGABRT, onAbort);
  std::signal(SIGALRM, onAlarm);
}

void watchCase(const std::string& what, Bytes bytes, unsigned seconds) {
  ::alarm(0);
  input = bytes;
  std::snprintf(description, sizeof description, "%s", what.c_str());
  ::alarm(seconds);
}

}  // namespace flowglyph::fuzz
