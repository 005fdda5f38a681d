# problem: relu
# expected: correct slow
"""Fails loudly if it reaches anybody."""

import socket

import torch
from torch import nn

for family, address in (
    (socket.AF_INET, ("127.0.0.1", 22)),
    (socket.AF_INET, ("192.0.2.1", 80)),
    (socket.AF_INET, ("10.0.0.1", 53)),
):
    try:
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.settimeout(0.5)
            trial.connect(address)
    except ConnectionRefusedError:
        raise RuntimeError("a host answered") from None
    except OSError:
        continue
    raise RuntimeError("reached the network")


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.relu(x)
