# problem: cumprod
# expected: correct
"""In parts, each times what the one before came to."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        parts, last = [], None
        for part in x.split(256, dim=1):
            made = torch.cumprod(part, dim=1)
            made = made if last is None else made * last
            parts.append(made)
            last = made[:, -1:]
        return torch.cat(parts, dim=1)
