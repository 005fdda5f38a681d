/* Tensors, their methods, and the functions that make one: what a kernel's host code mostly uses.
 * torch's own header declares every function of its library and takes a compiler five times as
 * long. A source that uses more fails with this file and is compiled with the next one: see
 * ../../../extensions.py. Options are passed on as torch's own functions do it
 * (torch/csrc/autograd/generated/variable_factories.h).
 */
#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdlib>
#include <utility>
#include <vector>

#include <ATen/DeviceGuard.h>
#include <ATen/Dispatch.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty_like_ops.h>
#include <ATen/ops/empty_ops.h>
#include <ATen/ops/empty_strided_ops.h>
#include <ATen/ops/full_like_ops.h>
#include <ATen/ops/full_ops.h>
#include <ATen/ops/ones_like_ops.h>
#include <ATen/ops/ones_ops.h>
#include <ATen/ops/zeros_like_ops.h>
#include <ATen/ops/zeros_ops.h>

namespace torch {

using namespace at;
using std::nullopt;
using std::optional;

using Dtype = at::ScalarType;

constexpr auto kUInt8 = at::kByte, kU8 = at::kByte;
constexpr auto kInt8 = at::kChar, kI8 = at::kChar;
constexpr auto kInt16 = at::kShort, kI16 = at::kShort;
constexpr auto kInt32 = at::kInt, kI32 = at::kInt;
constexpr auto kInt64 = at::kLong, kI64 = at::kLong;
constexpr auto kUInt16 = at::kUInt16, kU16 = at::kUInt16;
constexpr auto kUInt32 = at::kUInt32, kU32 = at::kUInt32;
constexpr auto kUInt64 = at::kUInt64, kU64 = at::kUInt64;
constexpr auto kFloat16 = at::kHalf, kF16 = at::kHalf;
constexpr auto kFloat32 = at::kFloat, kF32 = at::kFloat;
constexpr auto kFloat64 = at::kDouble, kF64 = at::kDouble;

namespace lean {

template <class Call>
Tensor made(const TensorOptions& options, Call call) {
  at::AutoDispatchBelowADInplaceOrView guard;
  auto made = call(
      c10::optTypeMetaToScalarType(options.dtype_opt()),
      options.layout_opt(),
      options.device_opt(),
      options.pinned_memory_opt());
  if (options.requires_grad()) made.set_requires_grad(true);
  return made;
}

template <class Operator, class... Arguments>
Tensor plain(const TensorOptions& options, const Arguments&... arguments) {
  return made(options, [&](auto... what) { return Operator::call(arguments..., what...); });
}

template <class Operator, class... Arguments>
Tensor formed(
    const TensorOptions& options,
    optional<MemoryFormat> format,
    const Arguments&... arguments) {
  const auto chosen = c10::impl::check_tensor_options_and_extract_memory_format(
      TensorOptions(options).requires_grad(nullopt), format);
  return made(options, [&](auto... what) { return Operator::call(arguments..., what..., chosen); });
}

inline c10::SymIntArrayRef symbols(IntArrayRef numbers) {
  return c10::fromIntArrayRefSlow(numbers);
}

} // namespace lean

inline Tensor zeros(IntArrayRef size, TensorOptions options = {}) {
  return lean::plain<at::_ops::zeros>(options, lean::symbols(size));
}

inline Tensor ones(IntArrayRef size, TensorOptions options = {}) {
  return lean::plain<at::_ops::ones>(options, lean::symbols(size));
}

inline Tensor full(IntArrayRef size, const Scalar& value, TensorOptions options = {}) {
  return lean::plain<at::_ops::full>(options, lean::symbols(size), value);
}

inline Tensor empty_strided(IntArrayRef size, IntArrayRef stride, TensorOptions options = {}) {
  return lean::plain<at::_ops::empty_strided>(options, lean::symbols(size), lean::symbols(stride));
}

inline Tensor empty(
    IntArrayRef size,
    TensorOptions options = {},
    optional<MemoryFormat> format = nullopt) {
  return lean::formed<at::_ops::empty_memory_format>(options, format, lean::symbols(size));
}

inline Tensor empty_like(
    const Tensor& self,
    TensorOptions options = {},
    optional<MemoryFormat> format = nullopt) {
  return lean::formed<at::_ops::empty_like>(options, format, self);
}

inline Tensor zeros_like(
    const Tensor& self,
    TensorOptions options = {},
    optional<MemoryFormat> format = nullopt) {
  return lean::formed<at::_ops::zeros_like>(options, format, self);
}

inline Tensor ones_like(
    const Tensor& self,
    TensorOptions options = {},
    optional<MemoryFormat> format = nullopt) {
  return lean::formed<at::_ops::ones_like>(options, format, self);
}

inline Tensor full_like(
    const Tensor& self,
    const Scalar& value,
    TensorOptions options = {},
    optional<MemoryFormat> format = nullopt) {
  return lean::formed<at::_ops::full_like>(options, format, self, value);
}

} // namespace torch
