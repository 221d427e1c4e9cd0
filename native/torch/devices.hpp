// Devices that libtorch can compute on.
#pragma once

#include <c10/core/Device.h>

#include <string>

namespace flowglyph::torch {

int cudaDeviceCount() noexcept;

// `cpu`, `cuda` or `cuda:N`; NativeError ERR_DEVICE where there is no such device.
c10::Device presentDevice(const std::string& name);

}  // namespace flowglyph::torch
