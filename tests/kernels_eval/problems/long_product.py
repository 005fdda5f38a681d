"""A product of positive numbers over 131,072 of them."""

import torch
from torch import nn


class Model(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a @ b


def get_inputs() -> list[torch.Tensor]:
    return [torch.rand(8, 131072), torch.rand(131072, 8)]


def get_init_inputs() -> list[object]:
    return []
