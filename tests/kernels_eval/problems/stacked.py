"""Two inputs, side by side in a dimension of their own."""

import torch
from torch import nn


class Model(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return torch.stack([a, b])


def get_inputs() -> list[torch.Tensor]:
    return [torch.randn(256, 1024), torch.randn(256, 1024)]


def get_init_inputs() -> list[object]:
    return []
