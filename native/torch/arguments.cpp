// Conversions of arguments and results, and the translation of errors.
#include "arguments.hpp"

#include <ATen/ScalarOps.h>
#include <c10/util/Exception.h>

#include <array>
#include <cmath>

#include "devices.hpp"
#include "type_tags.hpp"

namespace flowglyph::torch {

namespace {

struct DTypeRow {
  const char* name;
  at::ScalarType type;
};
constexpr std::array<DTypeRow, 6> kDTypes{{
    {"float32", at::ScalarType::Float},
    {"float64", at::ScalarType::Double},
    {"int64", at::ScalarType::Long},
    {"int32", at::ScalarType::Int},
    {"uint8", at::ScalarType::Byte},
    {"bool", at::ScalarType::Bool},
}};

std::string firstLine(std::string_view message) { return std::string(message.substr(0, message.find('\n'))); }

}  // namespace

template <>
double argument<double>(const Napi::Value& value) {
  if (!value.IsNumber()) throw ArgumentError{"a number"};
  return value.As<Napi::Number>().DoubleValue();
}

template <>
int64_t argument<int64_t>(const Napi::Value& value) {
  constexpr double kMaxSafeInteger = 9007199254740991.0;
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  if (!(std::abs(number) <= kMaxSafeInteger) || number != std::trunc(number))
    throw ArgumentError{"an integer"};
  return static_cast<int64_t>(number);
}

template <>
bool argument<bool>(const Napi::Value& value) {
  if (!value.IsBoolean()) throw ArgumentError{"a boolean"};
  return value.As<Napi::Boolean>().Value();
}

template <>
std::vector<int64_t> argument<std::vector<int64_t>>(const Napi::Value& value) {
  if (!value.IsArray()) throw ArgumentError{"an array of integers"};
  const auto array = value.As<Napi::Array>();
  std::vector<int64_t> numbers(array.Length());
  for (uint32_t i = 0; i < numbers.size(); ++i) numbers[i] = argument<int64_t>(array.Get(i));
  return numbers;
}

template <>
std::vector<double> argument<std::vector<double>>(const Napi::Value& value) {
  if (!value.IsArray()) throw ArgumentError{"an array of numbers"};
  const auto array = value.As<Napi::Array>();
  std::vector<double> numbers(array.Length());
  for (uint32_t i = 0; i < numbers.size(); ++i) numbers[i] = argument<double>(array.Get(i));
  return numbers;
}

template <>
at::Tensor argument<at::Tensor>(const Napi::Value& value) {
  return tensorHandle(value).tensor;
}

template <>
Operand argument<Operand>(const Napi::Value& value) {
  if (!value.IsNumber()) return {argument<at::Tensor>(value)};
  at::Tensor tensor = c10::scalar_to_tensor(value.As<Napi::Number>().DoubleValue());
  tensor.unsafeGetTensorImpl()->set_wrapped_number(true);
  return {std::move(tensor)};
}

template <>
std::vector<at::Tensor> argument<std::vector<at::Tensor>>(const Napi::Value& value) {
  if (!value.IsArray()) throw ArgumentError{"an array of tensors"};
  const auto array = value.As<Napi::Array>();
  std::vector<at::Tensor> tensors(array.Length());
  for (uint32_t i = 0; i < tensors.size(); ++i) tensors[i] = argument<at::Tensor>(array.Get(i));
  return tensors;
}

template <>
at::ScalarType argument<at::ScalarType>(const Napi::Value& value) {
  if (value.IsString()) {
    const std::string name = value.As<Napi::String>().Utf8Value();
    for (const DTypeRow& row : kDTypes) {
      if (name == row.name) return row.type;
    }
  }
  throw ArgumentError{"float32, float64, int64, int32, uint8 or bool"};
}

template <>
c10::Device argument<c10::Device>(const Napi::Value& value) {
  if (!value.IsString()) throw ArgumentError{"cpu, cuda or cuda:N"};
  return presentDevice(value.As<Napi::String>().Utf8Value());
}

template <>
at::Generator argument<at::Generator>(const Napi::Value& value) {
  if (!value.IsExternal() || !value.As<Napi::External<at::Generator>>().CheckTypeTag(&napi::kGeneratorTag)) {
    throw ArgumentError{"a generator"};
  }
  return *value.As<Napi::External<at::Generator>>().Data();
}

Napi::Value result(Napi::Env env, const std::vector<at::Tensor>& tensors) {
  auto array = Napi::Array::New(env, tensors.size());
  for (uint32_t i = 0; i < tensors.size(); ++i) array.Set(i, wrapTensor(env, tensors[i]));
  return array;
}

Napi::Value result(Napi::Env env, at::IntArrayRef shape) {
  auto array = Napi::Array::New(env, shape.size());
  for (uint32_t i = 0; i < shape.size(); ++i) array.Set(i, static_cast<double>(shape[i]));
  return array;
}

const char* dtypeName(at::ScalarType type) {
  for (const DTypeRow& row : kDTypes) {
    if (type == row.type) return row.name;
  }
  throw napi::NativeError("ERR_TENSOR",
                          std::string("Expected a known type but received ") + c10::toString(type));
}

std::string deviceName(c10::Device device) {
  if (device.is_cpu()) return "cpu";
  return device.has_index() && device.index() != 0 ? device.str() : "cuda";
}

void rethrow(const Napi::CallbackInfo& info, const char* name, size_t position) {
  const Napi::Env env = info.Env();
  const std::string where = std::string(name) + ": ";
  try {
    throw;
  } catch (const Napi::Error&) {
    throw;
  } catch (const ArgumentError& error) {
    throw napi::flowglyphError(
        env, "ERR_TENSOR",
        where + "expected argument " + std::to_string(position) + " to be " + error.expected);
  } catch (const napi::NativeError& error) {
    throw napi::flowglyphError(env, error.code(), where + error.what());
  } catch (const c10::Error& error) {
    throw napi::flowglyphError(env, "ERR_TENSOR", where + firstLine(error.what_without_backtrace()));
  } catch (const std::bad_alloc&) {
    throw napi::flowglyphError(env, "ERR_TENSOR", where + "out of memory");
  } catch (const std::exception& error) {
    throw napi::flowglyphError(env, "ERR_TENSOR", where + firstLine(error.what()));
  }
}

void exportRows(Napi::Object exports, const Row* rows, size_t count) {
  for (const Row* row = rows; row != rows + count; ++row) {
    exports.Set(row->name, Napi::Function::New(exports.Env(), row->call, row->name, const_cast<Row*>(row)));
  }
}

void exportRows(Napi::Object exports, const RawRow* rows, size_t count) {
  // Called through Row's guard with the name at hand, as the typed rows are.
  constexpr auto call = [](const Napi::CallbackInfo& info) -> Napi::Value {
    const auto& row = *static_cast<const RawRow*>(info.Data());
    FLOWGLYPH_TORCH_GUARD(info, row.name, 0, { return row.function(info); })
  };
  for (const RawRow* row = rows; row != rows + count; ++row) {
    exports.Set(row->name, Napi::Function::New(exports.Env(), +call, row->name, const_cast<RawRow*>(row)));
  }
}

}  // namespace flowglyph::torch
