// Typed arrays of JavaScript, copied in and out: a job never sees what JavaScript may change meanwhile.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "errors.hpp"
#include "napi_include.hpp"

namespace flowglyph::napi {

template <typename Array>
struct ElementOf;
template <>
struct ElementOf<Napi::Uint8Array> {
  using Type = std::uint8_t;
  static constexpr napi_typedarray_type kType = napi_uint8_array;
};
template <>
struct ElementOf<Napi::Int32Array> {
  using Type = std::int32_t;
  static constexpr napi_typedarray_type kType = napi_int32_array;
};
template <>
struct ElementOf<Napi::Uint32Array> {
  using Type = std::uint32_t;
  static constexpr napi_typedarray_type kType = napi_uint32_array;
};
template <>
struct ElementOf<Napi::Float32Array> {
  using Type = float;
  static constexpr napi_typedarray_type kType = napi_float32_array;
};

// Throws NativeError (ERR_ARGUMENT) where `value` is another kind of thing.
template <typename Array>
Array typedArray(const Napi::Value& value, const char* name) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != ElementOf<Array>::kType)
    throw NativeError("ERR_ARGUMENT", std::string("Expected ") + name + " to be a typed array of its kind");
  return value.As<Array>();
}

template <typename Array>
std::vector<typename ElementOf<Array>::Type> copyOf(const Napi::Value& value, const char* name) {
  const auto array = typedArray<Array>(value, name);
  return {array.Data(), array.Data() + array.ElementLength()};
}

template <typename Array>
Array arrayOf(Napi::Env env, const std::vector<typename ElementOf<Array>::Type>& values) {
  auto array = Array::New(env, values.size());
  if (!values.empty()) std::memcpy(array.Data(), values.data(), values.size() * sizeof values[0]);
  return array;
}

}  // namespace flowglyph::napi
