# problem: gpu/relu
# expected: correct
"""Part of a padded buffer: other strides, all of it dense."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        rows, columns = x.shape
        padded = torch.empty(rows, columns + 32, device=x.device)
        out = padded[:, :columns]
        torch.clamp(x, min=0, out=out)
        return out
