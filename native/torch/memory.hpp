// Where tensors on the CPU get their memory.
#pragma once

namespace flowglyph::torch {

// Keeps large arrays that tensors let go of for the next ones of their size. For the whole process; further
// calls do nothing.
void keepTensorMemory();

}  // namespace flowglyph::torch
