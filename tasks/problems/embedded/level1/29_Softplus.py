"""y = log(1 + exp(x)), elementwise."""

import torch
import torch.nn as nn
import torch.nn.functional as F

SIZE = "cpu"
ROWS, COLUMNS = {"cpu": (2048, 2048), "kernelbench": (4096, 393216)}[SIZE]


class Model(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.softplus(x)


def get_inputs():
    # Wide enough for the tail of exp, the linear branch, and exp(x) beyond what float32 can hold.
    return [torch.randn(ROWS, COLUMNS) * 20.0]


def get_init_inputs():
    return []
