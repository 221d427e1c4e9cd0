// What a file of plain loops needs for the compiler to make vector code of them. Compile such files with
// -O3 -fno-math-errno -fno-trapping-math (CMakeLists.txt).
#pragma once

// Before a function: compiled once for each width of vectors; the dynamic linker picks the widest that the
// processor has.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__GLIBC__)
#define FLOWGLYPH_VECTOR_WIDTHS __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FLOWGLYPH_VECTOR_WIDTHS
#endif

// The rows of one call do not overlap, which the compiler cannot see: the four gates are parts of one array.
#if defined(__clang__)
#define FLOWGLYPH_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define FLOWGLYPH_INDEPENDENT _Pragma("GCC ivdep")
#endif
