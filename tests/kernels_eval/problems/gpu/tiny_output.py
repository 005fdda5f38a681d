"""Outputs around 1e-7: a fixed tolerance would let zeros pass."""

import torch
from torch import nn


class Model(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(x, dim=1) * 1e-3


def get_inputs() -> list[torch.Tensor]:
    return [torch.randn(2048, 4096)]


def get_init_inputs() -> list[object]:
    return []
