// The torch addon's life: its state per environment, handles on tensors and generators, and autograd's
// switches.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <array>
#include <cstring>
#include <utility>

#include "arguments.hpp"
#include "blas.hpp"
#include "memory.hpp"
#include "type_tags.hpp"

namespace flowglyph::torch {

void BufferReferences::release(napi_ref reference) {
  const std::lock_guard lock(mutex_);
  if (env_ == nullptr) return;
  if (std::this_thread::get_id() == thread_) {
    napi_delete_reference(env_, reference);
  } else {
    waiting_.push_back(reference);
  }
}

void BufferReferences::drain() {
  const std::lock_guard lock(mutex_);
  for (napi_ref reference : waiting_) napi_delete_reference(env_, reference);
  waiting_.clear();
}

void BufferReferences::close() {
  drain();
  const std::lock_guard lock(mutex_);
  env_ = nullptr;
}

void releaseTensor(Napi::BasicEnv env, TensorHandle& handle) {
  if (!handle.tensor.defined()) return;
  handle.live->count -= 1;
  handle.live->bytes -= handle.bytes;
  if (handle.external != 0) Napi::MemoryManagement::AdjustExternalMemory(env, -handle.external);
  handle.tensor = at::Tensor();
}

Napi::Value wrapTensor(Napi::Env env, at::Tensor tensor, bool ownsMemory) {
  const auto* state = static_cast<TorchState*>(env.GetInstanceData<napi::AddonState>());
  auto handle = std::make_unique<TensorHandle>();
  handle->bytes = static_cast<int64_t>(tensor.numel() * tensor.element_size());
  // A view's bytes were told with the tensor that made them.
  handle->external = ownsMemory && tensor.storage().use_count() == 1 ? handle->bytes : 0;
  handle->live = state->live;
  auto external =
      Napi::External<TensorHandle>::New(env, handle.get(), [](Napi::BasicEnv done, TensorHandle* dead) {
        releaseTensor(done, *dead);
        delete dead;
      });
  TensorHandle& owned = *handle.release();
  external.TypeTag(&napi::kTensorTag);
  owned.tensor = std::move(tensor);
  owned.live->count += 1;
  owned.live->bytes += owned.bytes;
  if (owned.external != 0) Napi::MemoryManagement::AdjustExternalMemory(env, owned.external);
  return external;
}

namespace {

TensorHandle& anyHandle(const Napi::Value& value) {
  if (!value.IsExternal() || !value.As<Napi::External<TensorHandle>>().CheckTypeTag(&napi::kTensorTag)) {
    throw ArgumentError{"a tensor"};
  }
  return *value.As<Napi::External<TensorHandle>>().Data();
}

}  // namespace

TensorHandle& tensorHandle(const Napi::Value& value) {
  TensorHandle& handle = anyHandle(value);
  if (!handle.tensor.defined()) throw ArgumentError{"a live tensor but it was disposed"};
  return handle;
}

Napi::Value wrapGenerator(Napi::Env env, at::Generator generator) {
  auto owned = std::make_unique<at::Generator>(std::move(generator));
  auto external = Napi::External<at::Generator>::New(
      env, owned.get(), [](Napi::BasicEnv, at::Generator* dead) { delete dead; });
  owned.release();
  external.TypeTag(&napi::kGeneratorTag);
  return external;
}

namespace {

TorchState& stateOf(Napi::Env env) {
  return *static_cast<TorchState*>(env.GetInstanceData<napi::AddonState>());
}

// The part of an ArrayBuffer that a call may touch.
uint8_t* bufferBytes(const Napi::Value& value, int64_t offset, int64_t length) {
  if (!value.IsArrayBuffer()) throw ArgumentError{"an ArrayBuffer"};
  auto buffer = value.As<Napi::ArrayBuffer>();
  const auto size = static_cast<int64_t>(buffer.ByteLength());
  TORCH_CHECK(offset >= 0 && length >= 0 && offset <= size && length <= size - offset, "expected bytes [",
              offset, ", ", offset, " + ", length, ") to lie in a buffer of ", size, " bytes");
  return static_cast<uint8_t*>(buffer.Data()) + offset;
}

int64_t elementsOf(const std::vector<int64_t>& shape) {
  constexpr int64_t kMaxElements = int64_t{1} << 48;
  int64_t elements = 1;
  for (const int64_t length : shape) {
    TORCH_CHECK(length >= 0 && (length == 0 || elements <= kMaxElements / length),
                "expected a shape but received [", at::IntArrayRef(shape), "]");
    elements *= length;
  }
  return elements;
}

// fromBuffer(buffer: ArrayBuffer, byteOffset: number, shape: number[], dtype: DType): TensorHandle
Napi::Value fromBuffer(const Napi::CallbackInfo& info) {
  const auto offset = argument<int64_t>(info[1]);
  const auto shape = argument<std::vector<int64_t>>(info[2]);
  const auto options = at::TensorOptions(argument<at::ScalarType>(info[3]));
  const int64_t elements = elementsOf(shape);
  const auto size = static_cast<int64_t>(options.dtype().itemsize());
  uint8_t* bytes = bufferBytes(info[0], offset, elements * size);
  TORCH_CHECK(offset % size == 0, "expected an offset that ", size, " divides but received ", offset);
  if (elements == 0) return wrapTensor(info.Env(), at::empty(shape, options), false);

  napi_ref reference = nullptr;
  TORCH_CHECK(napi_create_reference(info.Env(), info[0], 1, &reference) == napi_ok,
              "no reference to the buffer");
  const auto buffers = stateOf(info.Env()).buffers;
  buffers->drain();
  auto release = [buffers, reference](void*) { buffers->release(reference); };
  return wrapTensor(info.Env(), at::from_blob(bytes, shape, release, options), false);
}

// copyTo(x, buffer: ArrayBuffer, byteOffset: number, byteLength: number): void
Napi::Value copyTo(const Napi::CallbackInfo& info) {
  const at::Tensor tensor = argument<at::Tensor>(info[0]).detach().to(at::kCPU).contiguous();
  const auto length = argument<int64_t>(info[3]);
  uint8_t* bytes = bufferBytes(info[1], argument<int64_t>(info[2]), length);
  TORCH_CHECK(length == static_cast<int64_t>(tensor.nbytes()), "expected room for ", tensor.nbytes(),
              " bytes but received ", length);
  if (length > 0) std::memcpy(bytes, tensor.data_ptr(), tensor.nbytes());
  return info.Env().Undefined();
}

// shape(x): number[]
Napi::Value shape(const Napi::CallbackInfo& info) {
  return result(info.Env(), argument<at::Tensor>(info[0]).sizes());
}

// dtype(x): DType
Napi::Value dtype(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), dtypeName(argument<at::Tensor>(info[0]).scalar_type()));
}

// device(x): DeviceName
Napi::Value device(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), deviceName(argument<at::Tensor>(info[0]).device()));
}

// isLive(x): boolean
Napi::Value isLive(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), anyHandle(info[0]).tensor.defined());
}

// release(x): void
Napi::Value release(const Napi::CallbackInfo& info) {
  releaseTensor(info.Env(), anyHandle(info[0]));
  stateOf(info.Env()).buffers->drain();
  return info.Env().Undefined();
}

// live(): { count: number, bytes: number }
Napi::Value live(const Napi::CallbackInfo& info) {
  const LiveTensors& live = *stateOf(info.Env()).live;
  auto object = Napi::Object::New(info.Env());
  object.Set("count", static_cast<double>(live.count));
  object.Set("bytes", static_cast<double>(live.bytes));
  return object;
}

// grad(x): TensorHandle | undefined
Napi::Value grad(const Napi::CallbackInfo& info) {
  const at::Tensor gradient = argument<at::Tensor>(info[0]).grad();
  return gradient.defined() ? wrapTensor(info.Env(), gradient) : info.Env().Undefined();
}

uint64_t seedOf(const Napi::Value& value) {
  if (!value.IsBigInt()) throw ArgumentError{"a bigint seed"};
  bool lossless = false;
  const uint64_t seed = value.As<Napi::BigInt>().Uint64Value(&lossless);
  TORCH_CHECK(lossless, "expected a seed from 0 to 2^64 - 1");
  return seed;
}

// makeGenerator(device: string, seed: bigint): GeneratorHandle
Napi::Value makeGenerator(const Napi::CallbackInfo& info) {
  const auto device = argument<c10::Device>(info[0]);
  const uint64_t seed = seedOf(info[1]);
  if (device.is_cpu()) return wrapGenerator(info.Env(), at::detail::createCPUGenerator(seed));
  at::empty({1}, at::TensorOptions(device));  // wakes CUDA up, whose generators exist only then
  at::Generator generator = at::globalContext().defaultGenerator(device).clone();
  generator.set_current_seed(seed);
  return wrapGenerator(info.Env(), std::move(generator));
}

// seedGenerator(generator, seed: bigint): void
Napi::Value seedGenerator(const Napi::CallbackInfo& info) {
  argument<at::Generator>(info[0]).set_current_seed(seedOf(info[1]));
  return info.Env().Undefined();
}

// generatorState(generator): Uint8Array
Napi::Value generatorState(const Napi::CallbackInfo& info) {
  const at::Tensor state = argument<at::Generator>(info[0]).get_state().contiguous();
  auto bytes = Napi::Uint8Array::New(info.Env(), state.nbytes());
  std::memcpy(bytes.Data(), state.data_ptr(), state.nbytes());
  return bytes;
}

// setGeneratorState(generator, state: Uint8Array): void
Napi::Value setGeneratorState(const Napi::CallbackInfo& info) {
  auto generator = argument<at::Generator>(info[0]);
  if (!info[1].IsTypedArray() || info[1].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    throw ArgumentError{"a Uint8Array"};
  }
  const auto bytes = info[1].As<Napi::Uint8Array>();
  const auto size = static_cast<int64_t>(bytes.ByteLength());
  at::Tensor state = at::empty({size}, at::TensorOptions(at::kByte));
  if (size > 0) std::memcpy(state.data_ptr(), bytes.Data(), bytes.ByteLength());
  generator.set_state(state);
  return info.Env().Undefined();
}

// setErrorClass(FlowglyphError): void
Napi::Value setErrorClass(const Napi::CallbackInfo& info) {
  napi::setErrorClass(info);
  return info.Env().Undefined();
}

constexpr std::array kRaw{
    RawRow{"setErrorClass", setErrorClass},
    RawRow{"fromBuffer", fromBuffer},
    RawRow{"copyTo", copyTo},
    RawRow{"shape", shape},
    RawRow{"dtype", dtype},
    RawRow{"device", device},
    RawRow{"isLive", isLive},
    RawRow{"release", release},
    RawRow{"live", live},
    RawRow{"grad", grad},
    RawRow{"makeGenerator", makeGenerator},
    RawRow{"seedGenerator", seedGenerator},
    RawRow{"generatorState", generatorState},
    RawRow{"setGeneratorState", setGeneratorState},
};

const std::array kRows{
    row(
        "item", +[](const at::Tensor& x) { return x.item().toDouble(); }),
    row(
        "gradEnabled", +[]() { return at::GradMode::is_enabled(); }),
    row(
        "setGradEnabled", +[](bool enabled) { at::GradMode::set_enabled(enabled); }),
    row(
        "requiresGrad", +[](const at::Tensor& x) { return x.requires_grad(); }),
    row(
        "setRequiresGrad", +[](const at::Tensor& x, bool requires_) { x.set_requires_grad(requires_); }),
    row(
        "backward", +[](const at::Tensor& x) { x.backward(); }),
    row(
        "clearGrad", +[](const at::Tensor& x) { x.mutable_grad() = at::Tensor(); }),
};

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  tuneBlas();
  keepTensorMemory();
  auto state = std::make_unique<TorchState>();
  auto buffers = std::make_shared<BufferReferences>(env);
  state->buffers = buffers;
  env.SetInstanceData<napi::AddonState>(state.release());
  env.AddCleanupHook([buffers]() { buffers->close(); });
  exportRows(exports, kRaw.data(), kRaw.size());
  exportRows(exports, kRows.data(), kRows.size());
  exportOps(exports);
  exportAdam(exports);
  exportDevices(exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(flowglyph_torch, initialize)

}  // namespace flowglyph::torch
