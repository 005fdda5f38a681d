"""A product of positive numbers."""

import torch
from torch import nn


class Model(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a @ b


def get_inputs() -> list[torch.Tensor]:
    return [torch.rand(64, 4096), torch.rand(4096, 64)]


def get_init_inputs() -> list[object]:
    return []
