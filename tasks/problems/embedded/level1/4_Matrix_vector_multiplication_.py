"""C = A · B with B a single column: one pass over a matrix, bound by memory."""

import torch
import torch.nn as nn

SIZE = "cpu"
M, K = {"cpu": (1024, 8192), "kernelbench": (2048, 1048576)}[SIZE]


class Model(nn.Module):
    def forward(self, A: torch.Tensor, B: torch.Tensor) -> torch.Tensor:
        return torch.matmul(A, B)


def get_inputs():
    # Centred on zero: rows of a product of two uniform draws all come out at about K / 4.
    return [torch.randn(M, K), torch.randn(K, 1)]


def get_init_inputs():
    return []
