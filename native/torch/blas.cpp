// Looks at the BLAS through the dynamic linker: which one it is depends on the machine, not on the build.
#include "blas.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <mutex>
#include <string_view>

namespace flowglyph::torch {

namespace {

template <typename Function>
Function find(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
}

#if defined(__x86_64__)
// The best kernel set that Debian's OpenBLAS 0.3.21 has for this processor, if it is one that has AVX2.
const char* fittingKernels() {
  __builtin_cpu_init();
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
  if (avx512) return "SkylakeX";
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? "Haswell" : nullptr;
}
#else
const char* fittingKernels() { return nullptr; }
#endif

// OpenBLAS picks its kernels by the processor's model number, and runs SSE3 code on one that is newer than
// itself: 28 instead of 140 GFLOP/s on a Xeon of 2023. The variable that overrides it is read when the
// kernels are chosen, at load; they are chosen again here, by the functions that OpenBLAS itself calls then.
void chooseKernelsAgain() {
  constexpr std::array<std::string_view, 14> kBeforeAvx2{
      "Katmai", "Coppermine", "Northwood", "Prescott", "Banias",       "Atom",      "Core2",
      "Penryn", "Dunnington", "Nehalem",   "Athlon",   "Opteron_SSE3", "Barcelona", "Sandybridge"};
  const std::string present = blasKernels();
  const char* fitting = fittingKernels();
  if (fitting == nullptr || std::getenv("OPENBLAS_CORETYPE") != nullptr ||
      std::find(kBeforeAvx2.begin(), kBeforeAvx2.end(), present) == kBeforeAvx2.end()) {
    return;
  }
  const auto quit = find<void (*)()>("gotoblas_dynamic_quit");
  const auto init = find<void (*)()>("gotoblas_dynamic_init");
  if (quit == nullptr || init == nullptr) return;
  setenv("OPENBLAS_CORETYPE", fitting, 1);
  quit();
  init();
  unsetenv("OPENBLAS_CORETYPE");
}

}  // namespace

std::string blasFile() {
  void* function = dlsym(RTLD_DEFAULT, "sgemm_");
  Dl_info info{};
  if (function == nullptr || dladdr(function, &info) == 0 || info.dli_fname == nullptr) return "";
  std::array<char, PATH_MAX> path{};
  return realpath(info.dli_fname, path.data()) != nullptr ? path.data() : info.dli_fname;
}

std::string blasKernels() {
  const auto name = find<char* (*)()>("openblas_get_corename");
  return name == nullptr ? "" : name();
}

void tuneBlas() {
  static std::once_flag once;
  std::call_once(once, chooseKernelsAgain);
}

void setBlasThreads(int count) {
  const auto set = find<void (*)(int)>("openblas_set_num_threads");
  if (set != nullptr) set(count);
}

}  // namespace flowglyph::torch
