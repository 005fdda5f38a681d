"""Kullback-Leibler divergence between rows of two distributions, summed, per row of the batch."""

import torch
import torch.nn as nn

SIZE = "cpu"
M, N = {"cpu": (512, 2048), "kernelbench": (16384, 16384)}[SIZE]


class Model(nn.Module):
    def forward(self, predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.kl_div(torch.log(predictions), targets, reduction="batchmean")


def get_inputs():
    # Well apart from each other: the divergence of two nearly flat distributions is a small
    # difference of large terms, and rounding would be most of it. Sharper or flatter by draw: a
    # mean over so many rows would be the same for all draws, and a constant would do.
    return [torch.softmax((1 + torch.rand(())) * torch.randn(M, N), dim=-1) for _ in range(2)]


def get_init_inputs():
    return []
