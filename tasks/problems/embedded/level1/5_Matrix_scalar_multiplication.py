"""C = A * s: every element of a matrix, scaled."""

import torch
import torch.nn as nn

SIZE = "cpu"
M, N = {"cpu": (2048, 3072), "kernelbench": (65536, 16384)}[SIZE]


class Model(nn.Module):
    def forward(self, A: torch.Tensor, s: float) -> torch.Tensor:
        return A * s


def get_inputs():
    return [torch.randn(M, N), 3.14]


def get_init_inputs():
    return []
