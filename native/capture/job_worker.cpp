// See job_worker.hpp.
#include "job_worker.hpp"

#include "errors.hpp"
#include "type_tags.hpp"

namespace flowglyph::napi {
namespace {

using SharedControl = std::shared_ptr<JobControl>;

SharedControl controlOf(const Napi::Value& value) {
  if (!value.IsExternal() || !value.As<Napi::External<SharedControl>>().CheckTypeTag(&kJobControlTag))
    throw NativeError("ERR_ARGUMENT", "Expected a job control");
  return *value.As<Napi::External<SharedControl>>().Data();
}

// jobControl(): JobControl
Napi::Value jobControl(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), "ERR_ARGUMENT", [&]() -> Napi::Value {
    auto control = std::make_unique<SharedControl>(std::make_shared<JobControl>());
    auto external = Napi::External<SharedControl>::New(
        info.Env(), control.get(),
        [](Napi::BasicEnv, SharedControl* data) { const std::unique_ptr<SharedControl> owned(data); });
    control.release();
    external.TypeTag(&kJobControlTag);
    return external;
  });
}

// jobDone(control): number
Napi::Value jobDone(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), "ERR_ARGUMENT", [&]() -> Napi::Value {
    return Napi::Number::New(info.Env(), controlOf(info[0])->done.load());
  });
}

// abortJob(control): void
void abortJob(const Napi::CallbackInfo& info) {
  guarded(info.Env(), "ERR_ARGUMENT", [&] { controlOf(info[0])->stop = true; });
}

}  // namespace

JobWorker::JobWorker(const Napi::CallbackInfo& info, const char* name, const Napi::Value& control)
    : PromiseWorker(info.Env(), name, "ERR_ARGUMENT"), control_(controlOf(control)) {}

void JobWorker::compute() {
  work();
  if (control_->stop) throw NativeError("ERR_ABORTED", "The computation was aborted");
}

void exportJobs(Napi::Env env, Napi::Object exports) {
  exports.Set("jobControl", Napi::Function::New(env, jobControl, "jobControl"));
  exports.Set("jobDone", Napi::Function::New(env, jobDone, "jobDone"));
  exports.Set("abortJob", Napi::Function::New(env, abortJob, "abortJob"));
}

}  // namespace flowglyph::napi
