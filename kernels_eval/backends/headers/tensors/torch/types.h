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

template <class Operator, class... Arguments>
Tensor make(const TensorOptions& options, Arguments&&... arguments) {
  at::AutoDispatchBelowADInplaceOrView guard;
  auto made = Operator::call(std::forward<Arguments>(arguments)...);
  if (options.requires_grad()) made.set_requires_grad(true);
  return made;
}

template <class Operator, class... Arguments>
Tensor sized(IntArrayRef size, const TensorOptions& options, Arguments&&... arguments) {
  return make<Operator>(
      options,
      c10::fromIntArrayRefSlow(size),
      std::forward<Arguments>(arguments)...,
      c10::optTypeMetaToScalarType(options.dtype_opt()),
      options.layout_opt(),
      options.device_opt(),
      options.pinned_memory_opt());
}

template <class Operator, class... Arguments>
Tensor like(
    const Tensor& self,
    const TensorOptions& options,
    optional<MemoryFormat> format,
    Arguments&&... arguments) {
  return make<Operator>(
      options,
      self,
      std::forward<Arguments>(arguments)...,
      c10::optTypeMetaToScalarType(options.dtype_opt()),
      options.layout_opt(),
      options.device_opt(),
      options.pinned_memory_opt(),
      c10::impl::check_tensor_options_and_extract_memory_format(
          TensorOptions(options).requires_grad(nullopt), format));
}

} // namespace lean

inline Tensor zeros(IntArrayRef size, TensorOptions options = {}) {
  return lean::sized<at::_ops::zeros>(size, options);
}

inline Tensor ones(IntArrayRef size, TensorOptions options = {}) {
  return lean::sized<at::_ops::ones>(size, options);
}

inline Tensor full(IntArrayRef size, const Scalar& value, TensorOptions options = {}) {
  return lean::sized<at::_ops::full>(size, options, value);
}

inline Tensor empty_strided(IntArrayRef size, IntArrayRef stride, TensorOptions options = {}) {
  return lean::sized<at::_ops::empty_strided>(size, options, c10::fromIntArrayRefSlow(stride));
}

inline Tensor empty(
    IntArrayRef size,
    TensorOptions options = {},
    optional<MemoryFormat> format = nullopt) {
  return lean::make<at::_ops::empty_memory_format>(
      options,
      c10::fromIntArrayRefSlow(size),
      c10::optTypeMetaToScalarType(options.dtype_opt()),
      options.layout_opt(),
      options.device_opt(),
      options.pinned_memory_opt(),
      c10::impl::check_tensor_options_and_extract_memory_format(
          TensorOptions(options).requires_grad(nullopt), format));
}

inline Tensor empty_like(
    const Tensor& self,
    TensorOptions options = {},
    optional<MemoryFormat> format = nullopt) {
  return lean::like<at::_ops::empty_like>(self, options, format);
}

inline Tensor zeros_like(
    const Tensor& self,
    TensorOptions options = {},
    optional<MemoryFormat> format = nullopt) {
  return lean::like<at::_ops::zeros_like>(self, options, format);
}

inline Tensor ones_like(
    const Tensor& self,
    TensorOptions options = {},
    optional<MemoryFormat> format = nullopt) {
  return lean::like<at::_ops::ones_like>(self, options, format);
}

inline Tensor full_like(
    const Tensor& self,
    const Scalar& value,
    TensorOptions options = {},
    optional<MemoryFormat> format = nullopt) {
  return lean::like<at::_ops::full_like>(self, options, format, value);
}

} // namespace torch
