"""y = clamp(x / 6 + 1/2, 0, 1), elementwise."""

import torch
import torch.nn as nn
import torch.nn.functional as F

SIZE = "cpu"
ROWS, COLUMNS = {"cpu": (2048, 3072), "kernelbench": (4096, 393216)}[SIZE]


class Model(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.hardsigmoid(x)


def get_inputs():
    # Wide enough that both clamps and the slope happen; uniform draws would meet the slope only.
    return [torch.randn(ROWS, COLUMNS) * 3.0]


def get_init_inputs():
    return []
