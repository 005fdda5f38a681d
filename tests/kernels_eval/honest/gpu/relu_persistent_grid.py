# problem: gpu/relu
# expected: correct
"""As many programs as multiprocessors, each with many blocks; over when the call is."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def relu(x, out, n, BLOCK: tl.constexpr):
    step = tl.num_programs(0) * BLOCK
    for start in range(tl.program_id(0) * BLOCK, n, step):
        at = start + tl.arange(0, BLOCK)
        value = tl.load(x + at, mask=at < n)
        tl.store(out + at, tl.maximum(value, 0.0), mask=at < n)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.programs = 8 * torch.cuda.get_device_properties(0).multi_processor_count

    def forward(self, x):
        out = torch.empty_like(x)
        relu[(self.programs,)](x, out, x.numel(), BLOCK=2048)
        return out
