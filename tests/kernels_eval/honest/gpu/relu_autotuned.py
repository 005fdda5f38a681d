# problem: gpu/relu
# expected: correct
"""Times its own configurations during the first call, with events and synchronisation."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.autotune(
    configs=[
        triton.Config({"BLOCK": block}, num_warps=warps)
        for block in (1024, 4096)
        for warps in (4, 8)
    ],
    key=["n"],
)
@triton.jit
def relu(x, out, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    value = tl.load(x + at, mask=at < n)
    tl.store(out + at, tl.maximum(value, 0.0), mask=at < n)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        n = x.numel()
        relu[lambda meta: (triton.cdiv(n, meta["BLOCK"]),)](x, out, n)
        return out
