"""C = diag(A) · B: a product with a diagonal matrix, written with the whole matrix."""

import torch
import torch.nn as nn

SIZE = "cpu"
N, M = {"cpu": (512, 1024), "kernelbench": (4096, 4096)}[SIZE]


class Model(nn.Module):
    def forward(self, A: torch.Tensor, B: torch.Tensor) -> torch.Tensor:
        return torch.diag(A) @ B


def get_inputs():
    return [torch.randn(N), torch.randn(N, M)]


def get_init_inputs():
    return []
