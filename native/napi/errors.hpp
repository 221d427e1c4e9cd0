// Errors across the boundary. C++ throws NativeError anywhere; JavaScript sees a FlowglyphError with the same
// code.
#pragma once

#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>

#include "napi_include.hpp"

namespace flowglyph::napi {

// A failure with one of FlowglyphError's stable codes (bindings/errors.ts). Knows no Node-API: may be thrown
// on any thread.
class NativeError : public std::runtime_error {
 public:
  NativeError(std::string_view code, const std::string& message) : std::runtime_error(message), code_(code) {}
  const std::string& code() const { return code_; }

 private:
  std::string code_;
};

// What an addon keeps per environment (main thread, each worker thread). An addon that keeps more derives
// from it. Set with env.SetInstanceData<AddonState>(...): the virtual destructor frees the derived part.
struct AddonState {
  virtual ~AddonState() = default;
  Napi::FunctionReference errorClass;  // FlowglyphError, given by the bindings when they load the addon
};

// Calls `new FlowglyphError(code, message)`; an Error with a `code` where the bindings gave no class.
inline Napi::Error flowglyphError(Napi::Env env, std::string_view code, std::string_view message) {
  auto jsCode = Napi::String::New(env, code.data(), code.size());
  auto jsMessage = Napi::String::New(env, message.data(), message.size());
  auto* state = env.GetInstanceData<AddonState>();
  if (state != nullptr && !state->errorClass.IsEmpty()) {
    Napi::Object error = state->errorClass.Value().New({jsCode, jsMessage});
    return Napi::Error(env, error);
  }
  napi_value plain = nullptr;
  if (napi_create_error(env, jsCode, jsMessage, &plain) != napi_ok) return Napi::Error::New(env);
  return Napi::Error(env, plain);
}

// setErrorClass(FlowglyphError: new (code: string, message: string) => Error): void
inline void setErrorClass(const Napi::CallbackInfo& info) {
  if (info.Length() < 1 || !info[0].IsFunction()) {
    throw Napi::TypeError::New(info.Env(), "setErrorClass expects a class");
  }
  info.Env().GetInstanceData<AddonState>()->errorClass = Napi::Persistent(info[0].As<Napi::Function>());
}

// Runs the body of a native function: C++ exceptions leave as FlowglyphError, Node-API's own pass through.
template <typename Body>
auto guarded(Napi::Env env, std::string_view fallbackCode, Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (const NativeError& error) {
    throw flowglyphError(env, error.code(), error.what());
  } catch (const std::bad_alloc&) {
    throw flowglyphError(env, fallbackCode, "Out of memory in native code");
  } catch (const std::exception& error) {
    throw flowglyphError(env, fallbackCode, error.what());
  }
}

}  // namespace flowglyph::napi
