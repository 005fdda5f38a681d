"""Sums over windows in one pass over device memory, where torch would make six.

One warp takes one window of 256: eight elements a lane, float64 sums, a shuffle reduction.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch

_WARPS = 8
_SOURCE = """
__device__ double total(double value) {
    for (int step = 16; step; step >>= 1) value += __shfl_down_sync(0xffffffffu, value, step);
    return value;
}
extern "C" __global__ void against_exact(
    const float* one, const double* exact, double* errors, double* values, long long count) {
    long long window = (long long)blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32;
    long long first = window * 256;
    if (first >= count) return;
    int lane = threadIdx.x % 32;
    double error = 0.0, value = 0.0;
    for (long long index = first + lane; index < first + 256 && index < count; index += 32) {
        double right = exact[index], off = (double)one[index] - right;
        error += off * off;
        value += right * right;
    }
    error = total(error);
    value = total(value);
    if (lane == 0) { errors[window] = error; values[window] = value; }
}
extern "C" __global__ void against_rounded(
    const float* one, const float* rounded, double* errors, long long count) {
    long long window = (long long)blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32;
    long long first = window * 256;
    if (first >= count) return;
    int lane = threadIdx.x % 32;
    double error = 0.0;
    for (long long index = first + lane; index < first + 256 && index < count; index += 32) {
        double off = (double)(one[index] - rounded[index]);
        error += off * off;
    }
    error = total(error);
    if (lane == 0) errors[window] = error;
}
"""


@functools.cache
def _kernel(name: str) -> Callable[..., Any]:
    made: Callable[..., Any] = torch.cuda._compile_kernel(_SOURCE, name)
    return made


def _grid(count: int) -> tuple[tuple[int, int, int], tuple[int, int, int], int]:
    windows = -(-count // 256)
    return (-(-windows // _WARPS), 1, 1), (32 * _WARPS, 1, 1), windows


def fits(one: torch.Tensor, other: torch.Tensor, dtype: torch.dtype) -> bool:
    """Whether these kernels can take the pair: on a GPU, contiguous, float32 and `dtype`."""
    return (
        one.is_cuda
        and one.dtype is torch.float32
        and other.dtype is dtype
        and one.is_contiguous()
        and other.is_contiguous()
    )


def against_exact(one: torch.Tensor, exact: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(⌈N/256⌉,) float64 twice: sums of (one − exact)² and of exact², from (N,) each."""
    grid, block, windows = _grid(one.numel())
    errors, values = (
        torch.empty(windows, dtype=torch.float64, device=one.device) for _ in range(2)
    )
    _kernel("against_exact")(grid, block, (one, exact, errors, values, one.numel()))
    return errors, values


def against_rounded(one: torch.Tensor, rounded: torch.Tensor) -> torch.Tensor:
    """(⌈N/256⌉,) float64: sums of (one − rounded)², the difference taken in float32."""
    grid, block, windows = _grid(one.numel())
    errors = torch.empty(windows, dtype=torch.float64, device=one.device)
    _kernel("against_rounded")(grid, block, (one, rounded, errors, one.numel()))
    return errors
