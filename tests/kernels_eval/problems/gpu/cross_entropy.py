"""A full reduction: one element out of many."""

import torch
from torch import nn


class Model(nn.Module):
    def forward(self, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(x, target)


def get_inputs() -> list[torch.Tensor]:
    return [torch.randn(4096, 4096) * 4.0, torch.randint(0, 4096, (4096,))]


def get_init_inputs() -> list[object]:
    return []
