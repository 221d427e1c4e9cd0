// How the process keeps memory that tensors let go of.
#pragma once

namespace flowglyph::torch {

// Keeps what a training step frees for the next one. For the whole process; further calls do nothing.
void tuneMemory();

}  // namespace flowglyph::torch
