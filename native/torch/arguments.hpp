// JavaScript values to C++ arguments and results back, and the tables of functions that use them. A wrong
// type or a released tensor is refused here, with the function's name and the argument's position.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "handles.hpp"

namespace flowglyph::torch {

// A tensor, or a number that takes part as one without widening the result's type.
struct Operand {
  at::Tensor tensor;
};

template <typename T>
T argument(const Napi::Value& value) = delete;
template <>
at::Tensor argument<at::Tensor>(const Napi::Value& value);
template <>
Operand argument<Operand>(const Napi::Value& value);
template <>
double argument<double>(const Napi::Value& value);
template <>
int64_t argument<int64_t>(const Napi::Value& value);
template <>
bool argument<bool>(const Napi::Value& value);
template <>
std::vector<int64_t> argument<std::vector<int64_t>>(const Napi::Value& value);
template <>
std::vector<double> argument<std::vector<double>>(const Napi::Value& value);
template <>
std::vector<at::Tensor> argument<std::vector<at::Tensor>>(const Napi::Value& value);
template <>
at::ScalarType argument<at::ScalarType>(const Napi::Value& value);
template <>
c10::Device argument<c10::Device>(const Napi::Value& value);
template <>
at::Generator argument<at::Generator>(const Napi::Value& value);

// Thrown by `argument` with what was expected; the table's guard adds where.
struct ArgumentError {
  std::string expected;
};

inline Napi::Value result(Napi::Env env, at::Tensor tensor) { return wrapTensor(env, std::move(tensor)); }
inline Napi::Value result(Napi::Env env, double number) { return Napi::Number::New(env, number); }
inline Napi::Value result(Napi::Env env, bool flag) { return Napi::Boolean::New(env, flag); }
Napi::Value result(Napi::Env env, const std::vector<at::Tensor>& tensors);
Napi::Value result(Napi::Env env, at::IntArrayRef shape);
const char* dtypeName(at::ScalarType type);
std::string deviceName(c10::Device device);

// One native function: its name in JavaScript, what JavaScript calls, and the C++ function behind it.
struct Row {
  const char* name;
  Napi::Value (*call)(const Napi::CallbackInfo& info);
  void (*function)();
};

// Rethrows the exception in flight as a FlowglyphError: c10::Error with the first line of its message as
// ERR_TENSOR.
[[noreturn]] void rethrow(const Napi::CallbackInfo& info, const char* name, size_t position);

// The one guard around everything that may call libtorch. `position` is a size_t in scope: the argument being
// read.
#define FLOWGLYPH_TORCH_GUARD(info, name, position, ...) \
  try {                                                  \
    __VA_ARGS__                                          \
  } catch (...) {                                        \
    ::flowglyph::torch::rethrow(info, name, position);   \
  }

// Converts the arguments by the function's own signature: one instance a signature, not one a function.
template <typename R, typename... Arguments>
struct Caller {
  using Function = R (*)(Arguments...);

  static Napi::Value call(const Napi::CallbackInfo& info) {
    const Row& row = *static_cast<const Row*>(info.Data());
    size_t position = 0;
    FLOWGLYPH_TORCH_GUARD(info, row.name, position, {
      auto arguments = read(info, position, std::index_sequence_for<Arguments...>());
      auto function = reinterpret_cast<Function>(row.function);
      if constexpr (std::is_void_v<R>) {
        std::apply(function, arguments);
        return info.Env().Undefined();
      } else {
        return result(info.Env(), std::apply(function, arguments));
      }
    })
  }

 private:
  template <size_t... Index>
  static auto read(const Napi::CallbackInfo& info, size_t& position, std::index_sequence<Index...>) {
    return std::tuple<std::remove_cvref_t<Arguments>...>{
        readOne<std::remove_cvref_t<Arguments>>(info, Index, position)...};
  }

  // `position` counts the arguments from 1 as they are read.
  template <typename T>
  static T readOne(const Napi::CallbackInfo& info, size_t index, size_t& position) {
    position = index + 1;
    return argument<T>(info[index]);
  }
};

template <typename R, typename... Arguments>
constexpr Row row(const char* name, R (*function)(Arguments...)) {
  return {name, &Caller<R, Arguments...>::call, reinterpret_cast<void (*)()>(function)};
}

// A function that reads its arguments itself.
struct RawRow {
  const char* name;
  Napi::Value (*function)(const Napi::CallbackInfo& info);
};

void exportRows(Napi::Object exports, const Row* rows, size_t count);
void exportRows(Napi::Object exports, const RawRow* rows, size_t count);

void exportOps(Napi::Object exports);
void exportAdam(Napi::Object exports);
void exportDevices(Napi::Object exports);

}  // namespace flowglyph::torch
