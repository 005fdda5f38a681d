"""A cumulative product of uniform numbers: it vanishes after a hundred of them."""

import torch
from torch import nn


class Model(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cumprod(x, dim=1)


def get_inputs() -> list[torch.Tensor]:
    return [torch.rand(128, 2048)]


def get_init_inputs() -> list[object]:
    return []
