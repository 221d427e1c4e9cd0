// The native objects that JavaScript holds: type-tagged externals around tensors, generators and optimizers.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "errors.hpp"
#include "napi_include.hpp"

namespace flowglyph::torch {

// Tensors of one environment that JavaScript holds and has not disposed.
struct LiveTensors {
  int64_t count = 0;
  int64_t bytes = 0;
};

// References to the ArrayBuffers under tensors. The last view of such a tensor may die on one of libtorch's
// threads (the backward pass on CUDA has its own), where no reference may be touched: it then waits here for
// the environment's thread. Once the environment is gone, its references are gone too.
class BufferReferences {
 public:
  explicit BufferReferences(napi_env env) : env_(env), thread_(std::this_thread::get_id()) {}
  void release(napi_ref reference);  // any thread
  void drain();                      // the environment's thread
  void close();                      // the environment's thread, when it ends

 private:
  std::mutex mutex_;
  napi_env env_;
  std::thread::id thread_;
  std::vector<napi_ref> waiting_;
};

struct TorchState : napi::AddonState {
  std::shared_ptr<LiveTensors> live = std::make_shared<LiveTensors>();
  std::shared_ptr<BufferReferences> buffers;
};

struct TensorHandle {
  at::Tensor tensor;  // undefined once released
  int64_t bytes = 0;
  int64_t external = 0;  // what was told to the garbage collector
  std::shared_ptr<LiveTensors> live;
};

// Hands a tensor to JavaScript. `ownsMemory` is false where the collector knows the bytes already
// (ArrayBuffers).
Napi::Value wrapTensor(Napi::Env env, at::Tensor tensor, bool ownsMemory = true);
TensorHandle& tensorHandle(const Napi::Value& value);
void releaseTensor(Napi::BasicEnv env, TensorHandle& handle);

Napi::Value wrapGenerator(Napi::Env env, at::Generator generator);

}  // namespace flowglyph::torch
