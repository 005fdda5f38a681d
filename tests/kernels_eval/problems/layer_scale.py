"""A residual branch that weighs 1e-6 at first (ConvNeXt, CaiT)."""

import torch
import torch.nn.functional as F
from torch import nn


class Model(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.up = nn.Linear(features, 2 * features)
        self.down = nn.Linear(2 * features, features)
        self.gamma = nn.Parameter(1e-6 * torch.ones(features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.gamma * self.down(F.gelu(self.up(x)))


def get_inputs() -> list[torch.Tensor]:
    return [torch.randn(128, 192)]


def get_init_inputs() -> list[object]:
    return [192]
