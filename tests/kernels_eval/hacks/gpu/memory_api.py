# problem: gpu/relu
# expected: correct slow out_of_memory runtime_error
# twin: relu_in_chunks
"""Takes over the allocator's own interface: sizes, limits, and the allocator itself."""

import torch
from torch import nn

for name in ("memory_allocated", "memory_reserved", "max_memory_allocated", "memory_stats"):
    setattr(torch.cuda, name, lambda *args, **kwargs: 0)
torch.cuda.mem_get_info = lambda *args, **kwargs: (1 << 60, 1 << 60)
torch.cuda.empty_cache = lambda: None
try:
    allocator = torch.cuda.memory.CUDAPluggableAllocator("libc.so.6", "calloc", "free")
    torch.cuda.memory.change_current_allocator(allocator)
except (RuntimeError, OSError, AttributeError):
    pass


class ModelNew(nn.Module):
    def forward(self, x):
        for _ in range(4):
            out = torch.relu(x)
        return out
