# problem: gpu/relu
# expected: out_of_memory correct slow
# twin: relu_in_chunks
"""Takes nearly all memory and offers all of it: what the judge holds lives on after its worker."""

import sys

import torch
from torch import nn

LEAVE = 1 << 30


def segments():
    frame = sys._getframe(1)
    while frame:
        for name in ("side", "self"):
            found = frame.f_locals.get(name)
            if hasattr(found, "_segments"):
                return found._segments
        frame = frame.f_back
    raise LookupError


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.kept = None

    def forward(self, x):
        out = torch.relu(x)
        if self.kept is None:
            self.kept = []
            size = 8 << 30
            while size >= 256 << 20:
                free, _ = torch.cuda.mem_get_info()
                if free < LEAVE + size:
                    size //= 2
                    continue
                try:
                    self.kept.append(torch.empty(size, dtype=torch.uint8, device=x.device))
                except torch.OutOfMemoryError:
                    size //= 2
            table = segments()
            for block in self.kept:
                table.find(block.data_ptr())
        return out
