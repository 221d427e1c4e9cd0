// What there is to compute with: devices, threads, libtorch's build and its BLAS.
#include "devices.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>
#include <torch/version.h>

#include <array>
#include <climits>
#include <vector>

#include "arguments.hpp"
#include "blas.hpp"

namespace flowglyph::torch {

namespace {

// Renamed in the course of libtorch 2.
template <typename Hooks>
int countOf(const Hooks& hooks) {
  if constexpr (requires { hooks.deviceCount(); }) {
    return static_cast<int>(hooks.deviceCount());
  } else {
    return static_cast<int>(hooks.getNumGPUs());
  }
}

}  // namespace

int cudaDeviceCount() noexcept {
  try {
    // Without a driver the runtime may throw instead of counting to 0.
    return at::hasCUDA() ? countOf(at::detail::getCUDAHooks()) : 0;
  } catch (...) {
    return 0;
  }
}

c10::Device presentDevice(const std::string& name) {
  if (name == "cpu") return c10::Device(c10::DeviceType::CPU);
  if (name.rfind("cuda", 0) != 0) {
    throw napi::NativeError("ERR_DEVICE", "expected device to be cpu, cuda or cuda:N but received " + name);
  }
  const c10::Device device(name);
  const int index = device.has_index() ? device.index() : 0;
  const int count = cudaDeviceCount();
  if (index >= count) {
    throw napi::NativeError("ERR_DEVICE", "expected device " + name +
                                              " to be present but libtorch " TORCH_VERSION " finds " +
                                              std::to_string(count) + " CUDA devices");
  }
  return c10::Device(c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(index));
}

namespace {

// The names come from the driver itself: libtorch gives them only through CUDA's headers, which are rarely
// installed.
std::vector<std::string> cudaNames() {
  std::vector<std::string> names(static_cast<size_t>(cudaDeviceCount()), "CUDA device");
  if (names.empty()) return names;
  void* driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (driver == nullptr) return names;
  using DeviceGet = int (*)(int* device, int ordinal);
  using DeviceGetName = int (*)(char* name, int length, int device);
  const auto get = reinterpret_cast<DeviceGet>(dlsym(driver, "cuDeviceGet"));
  const auto getName = reinterpret_cast<DeviceGetName>(dlsym(driver, "cuDeviceGetName"));
  for (size_t i = 0; get != nullptr && getName != nullptr && i < names.size(); ++i) {
    int device = 0;
    std::array<char, 256> text{};
    if (get(&device, static_cast<int>(i)) == 0 &&
        getName(text.data(), static_cast<int>(text.size()) - 1, device) == 0) {
      names[i] = text.data();
    }
  }
  dlclose(driver);
  return names;
}

Napi::Value info(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  auto object = Napi::Object::New(env);
  object.Set("version", TORCH_VERSION);
  object.Set("threads", at::get_num_threads());
  object.Set("mkldnn", at::hasMKLDNN());
  object.Set("cuda", cudaDeviceCount() > 0);
  object.Set("blas", blasFile());
  object.Set("blasKernels", blasKernels());
  object.Set("build", at::show_config());
  return object;
}

Napi::Value cudaDevices(const Napi::CallbackInfo& call) {
  const std::vector<std::string> names = cudaNames();
  auto array = Napi::Array::New(call.Env(), names.size());
  for (uint32_t i = 0; i < names.size(); ++i) array.Set(i, names[i]);
  return array;
}

void setThreads(int64_t count) {
  TORCH_CHECK(count >= 1 && count <= INT_MAX, "expected a positive number of threads but received ", count);
  at::set_num_threads(static_cast<int>(count));
  setBlasThreads(static_cast<int>(count));
}

constexpr std::array kRaw{
    RawRow{"info", info},
    RawRow{"cudaDevices", cudaDevices},
};
const std::array kRows{
    row("setThreads", setThreads),
};

}  // namespace

void exportDevices(Napi::Object exports) {
  exportRows(exports, kRaw.data(), kRaw.size());
  exportRows(exports, kRows.data(), kRows.size());
}

}  // namespace flowglyph::torch
