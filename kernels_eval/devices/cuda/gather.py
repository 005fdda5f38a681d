"""Reading single words of device memory by address: one tiny kernel, compiled by NVRTC."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch

_SOURCE = """
extern "C" __global__ void gather(const long long* addresses, int* words, int count) {
    int index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index < count) words[index] = *reinterpret_cast<const volatile int*>(addresses[index]);
}
"""
_BLOCK = 256


@functools.cache
def _kernel() -> Callable[..., Any]:
    made: Callable[..., Any] = torch.cuda._compile_kernel(_SOURCE, "gather")
    return made


def words(addresses: torch.Tensor) -> torch.Tensor:
    """(n,) int32 at (n,) int64 device addresses, each a multiple of 4."""
    count = addresses.numel()
    found = torch.empty(count, dtype=torch.int32, device=addresses.device)
    _kernel()((-(-count // _BLOCK), 1, 1), (_BLOCK, 1, 1), (addresses, found, count))
    return found
