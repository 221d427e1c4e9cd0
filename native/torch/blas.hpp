// The BLAS under libtorch's matrix products. Knows neither libtorch nor Node-API.
#pragma once

#include <string>

namespace flowglyph::torch {

// The file that sgemm comes from, symbolic links followed; empty where libtorch carries its own.
std::string blasFile();

// OpenBLAS's name for the kernels it runs, e.g. `SkylakeX`; empty for any other BLAS.
std::string blasKernels();

// Once a process, before the first product: where OpenBLAS does not know the processor, picks kernels that
// fit it.
void tuneBlas();

// libtorch sets the threads of OpenMP and MKL alone; OpenBLAS built on pthreads keeps its own count.
void setBlasThreads(int count);

}  // namespace flowglyph::torch
