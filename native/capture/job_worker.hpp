// Jobs that JavaScript can watch and stop: it makes a control, hands it to the call that starts the job, and
// keeps it. Mirrors bindings/capture/job.ts.
#pragma once

#include <memory>

#include "job_control.hpp"
#include "napi_include.hpp"
#include "promise_worker.hpp"

namespace flowglyph::napi {

inline constexpr double kMaxInteger = 9007199254740991.0;  // Number.MAX_SAFE_INTEGER

// What core refuses is a wrong argument, and an aborted job says so, whatever it came to.
class JobWorker : public PromiseWorker {
 protected:
  // Throws NativeError (ERR_ARGUMENT) where `control` is none.
  JobWorker(const Napi::CallbackInfo& info, const char* name, const Napi::Value& control);

  virtual void work() = 0;

  std::shared_ptr<JobControl> control_;

 private:
  void compute() final;
};

// Adds jobControl, jobDone and abortJob.
void exportJobs(Napi::Env env, Napi::Object exports);

}  // namespace flowglyph::napi
