"""Nested inputs, a plain number, a tuple of a float and an integer output."""

import torch
from torch import nn


class Model(nn.Module):
    def forward(self, pair: list[torch.Tensor], factor: float) -> tuple[torch.Tensor, torch.Tensor]:
        total = pair[0] * factor + pair[1]
        return total, total.argmax(dim=1)


def get_inputs() -> list[object]:
    return [[torch.randn(2048, 3000), torch.randn(2048, 3000)], 2.0]


def get_init_inputs() -> list[object]:
    return []
