"""bfloat16 in and out."""

import torch
from torch import nn


class Model(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.gelu(x)


def get_inputs() -> list[torch.Tensor]:
    return [torch.randn(4096, 8192).bfloat16()]


def get_init_inputs() -> list[object]:
    return []
