// The type tag of every native object that JavaScript holds: a handle of the wrong kind is refused, never
// reinterpreted. Random 128-bit constants; one row a kind.
#pragma once

#include "napi_include.hpp"

namespace flowglyph::napi {

inline constexpr napi_type_tag kExtractorTag{0x8a3f51c07be94d12ULL, 0x93d6e0427f1c5ab8ULL};
inline constexpr napi_type_tag kTensorTag{0x1d7c94a2e65f4b03ULL, 0xb82fa1d05c6e4973ULL};
inline constexpr napi_type_tag kOptimizerTag{0x5e02b8d41fa74c69ULL, 0xa4917c3d80e2f65bULL};
inline constexpr napi_type_tag kGeneratorTag{0x3c81f7a05db2496eULL, 0x9e57d02c4ab61f83ULL};
inline constexpr napi_type_tag kJobControlTag{0x6b29d1f84ce07a35ULL, 0x81f4a60e9d537c2bULL};

}  // namespace flowglyph::napi
