// The one place that includes napi.h, so that both addons see the same Node-API version and switches.
#pragma once

// Version 8 (Node 15.12 and later) has all that we call: type tags, instance data, cleanup hooks.
#ifndef NAPI_VERSION
#define NAPI_VERSION 8
#endif
#ifndef NODE_ADDON_API_CPP_EXCEPTIONS
#define NODE_ADDON_API_CPP_EXCEPTIONS
#endif
// Finalizers must not run JavaScript: they may run inside the garbage collector.
#define NODE_ADDON_API_REQUIRE_BASIC_FINALIZERS
// In a worker that is being terminated no exception can be raised; without this, trying would abort the
// process.
#define NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
// NOLINTNEXTLINE(misc-include-cleaner)
#include <napi.h>
