// A job on a libuv thread whose outcome settles a Promise. compute() never touches Node-API; deliver() runs
// on the JavaScript thread. Safe when the environment goes away meanwhile: Node waits for a running job, then
// finish() still runs, and a Promise that nobody can see any more stays unsettled.
#pragma once

#include <exception>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "errors.hpp"
#include "napi_include.hpp"

namespace flowglyph::napi {

class PromiseWorker : public Napi::AsyncWorker {
 public:
  // Queues the job; it frees itself when it is done.
  template <typename Worker>
  static Napi::Promise start(std::unique_ptr<Worker> worker) {
    PromiseWorker* job = worker.get();
    job->Queue();  // throws when libuv refuses; until then the unique_ptr owns
    worker.release();
    return job->deferred_.Promise();
  }

 protected:
  // `fallbackCode`: the code of failures that carry none of their own (std::exception).
  PromiseWorker(Napi::Env env, const char* resourceName, std::string fallbackCode)
      : Napi::AsyncWorker(env, resourceName),
        deferred_(Napi::Promise::Deferred::New(env)),
        code_(std::move(fallbackCode)) {}

  // On a libuv thread. Failures are exceptions; give NativeError for a code.
  virtual void compute() = 0;
  // On the JavaScript thread after finish(): what the Promise resolves to.
  virtual Napi::Value deliver(Napi::Env env) = 0;
  // On the JavaScript thread, once, whatever happened: give back what the job held. Runs before the Promise
  // settles.
  virtual void finish(Napi::Env) noexcept {}

 private:
  void Execute() final {
    try {
      compute();
    } catch (const NativeError& error) {
      fail(error.code(), error.what());
    } catch (const std::bad_alloc&) {
      fail(code_, "Out of memory in native code");
    } catch (const std::exception& error) {
      fail(code_, error.what());
    } catch (...) {
      fail(code_, "Unknown failure in native code");
    }
  }

  void fail(std::string code, std::string message) {
    code_ = std::move(code);
    message_ = std::move(message);
    failed_ = true;
  }

  // Instead of AsyncWorker's own, which raises what goes wrong here as an uncaught exception: in an
  // environment that is being torn down every call fails, and that is nobody's error.
  void OnWorkComplete(Napi::Env env, napi_status status) final {
    {
      Napi::HandleScope scope(env);
      finish(env);
      try {
        settle(env, status);
      } catch (const Napi::Error&) {
        clearPending(env);
      }
    }
    Destroy();
  }

  void settle(Napi::Env env, napi_status status) {
    if (status == napi_cancelled) {
      deferred_.Reject(
          flowglyphError(env, "ERR_ABORTED", "The native job was cancelled before it began").Value());
      return;
    }
    if (failed_) {
      deferred_.Reject(flowglyphError(env, code_, message_).Value());
      return;
    }
    Napi::Value value;
    try {
      value = deliver(env);
    } catch (const Napi::Error& error) {
      deferred_.Reject(error.Value());
      return;
    }
    deferred_.Resolve(value);
  }

  static void clearPending(Napi::Env env) noexcept {
    bool pending = false;
    if (napi_is_exception_pending(env, &pending) == napi_ok && pending) {
      napi_value ignored = nullptr;
      napi_get_and_clear_last_exception(env, &ignored);
    }
  }

  Napi::Promise::Deferred deferred_;
  std::string code_;
  std::string message_;
  bool failed_ = false;
};

}  // namespace flowglyph::napi
