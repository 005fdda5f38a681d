"""A mean over many numbers that are nearly alike (an image, a temperature)."""

import torch
from torch import nn


class Model(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return ((x * 1.5) ** 2).mean()


def get_inputs() -> list[torch.Tensor]:
    return [torch.randn(1024, 512) * 0.02 + 3.0]


def get_init_inputs() -> list[object]:
    return []
