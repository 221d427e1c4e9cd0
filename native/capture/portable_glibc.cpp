// Lets a prebuilt addon load on an older glibc than the one that it was linked against: the versions that
// Node 20's own binaries ask for (2.28). The linker's --wrap (CMakeLists.txt) sends what glibc has versioned
// anew since then here, also where libstdc++'s static archive calls it. Nothing here changes what the
// functions do.
#include <fcntl.h>
#include <pthread.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#if defined(__x86_64__)
#define FLOWGLYPH_FIRST_GLIBC "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define FLOWGLYPH_FIRST_GLIBC "GLIBC_2.17"
#else
#error "portable_glibc.cpp: which glibc was the first on this processor?"
#endif

// Since glibc 2.34 libc.so holds what libpthread.so held, under both versions. On an older one Node has
// loaded libpthread.
#define FLOWGLYPH_OLDEST(name) __asm__(".symver oldest_" #name "," #name "@" FLOWGLYPH_FIRST_GLIBC)
FLOWGLYPH_OLDEST(pthread_create);
FLOWGLYPH_OLDEST(pthread_join);
FLOWGLYPH_OLDEST(pthread_detach);
FLOWGLYPH_OLDEST(pthread_once);
FLOWGLYPH_OLDEST(__pthread_key_create);
// Since 2.29 they no longer set errno through a wrapper; nobody here asks for it.
FLOWGLYPH_OLDEST(exp);
FLOWGLYPH_OLDEST(log);
FLOWGLYPH_OLDEST(pow);

extern "C" {

int oldest_pthread_create(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
int oldest_pthread_join(pthread_t, void**);
int oldest_pthread_detach(pthread_t);
int oldest_pthread_once(pthread_once_t*, void (*)());
int oldest___pthread_key_create(pthread_key_t*, void (*)(void*));

double oldest_exp(double);
double oldest_log(double);
double oldest_pow(double, double);

double __wrap_exp(double x) { return oldest_exp(x); }
double __wrap_log(double x) { return oldest_log(x); }
double __wrap_pow(double x, double y) { return oldest_pow(x, y); }

int __wrap_pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                          void* argument) {
  return oldest_pthread_create(thread, attributes, start, argument);
}
int __wrap_pthread_join(pthread_t thread, void** result) { return oldest_pthread_join(thread, result); }
int __wrap_pthread_detach(pthread_t thread) { return oldest_pthread_detach(thread); }
int __wrap_pthread_once(pthread_once_t* once, void (*routine)()) {
  return oldest_pthread_once(once, routine);
}
int __wrap___pthread_key_create(pthread_key_t* key, void (*destructor)(void*)) {
  return oldest___pthread_key_create(key, destructor);
}

// Functions since 2.33; before, headers called __xstat. The kernel's structure is glibc's on both processors
// above.
int __wrap_stat(const char* path, struct stat* into) {
  return static_cast<int>(syscall(SYS_newfstatat, AT_FDCWD, path, into, 0));
}
int __wrap_fstat(int file, struct stat* into) { return static_cast<int>(syscall(SYS_fstat, file, into)); }

// Since 2.36. libstdc++ seeds from it; getrandom of this size neither fails nor comes short once the kernel
// has started.
std::uint32_t __wrap_arc4random() {
  std::uint32_t value = 0;
  while (getrandom(&value, sizeof value, 0) != sizeof value) {
  }
  return value;
}

// Since 2.32: whether libstdc++ may count references without atomics. A Node process has many threads.
__attribute__((visibility("hidden"))) char __libc_single_threaded = 0;
}
