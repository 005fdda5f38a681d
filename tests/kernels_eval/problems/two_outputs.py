"""Nested inputs, a plain number, a tuple of a float and an integer output."""

import torch
from torch import nn


class Model(nn.Module):
    def forward(self, pair: list[torch.Tensor], factor: float) -> tuple[torch.Tensor, torch.Tensor]:
        total = pair[0] * factor + pair[1]
        return total, total.argmax(dim=1)


def get_inputs() -> list[object]:
    return [[torch.randn(128, 300), torch.randn(128, 300)], 2.0]


def get_init_inputs() -> list[object]:
    return []
