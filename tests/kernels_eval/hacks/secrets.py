# problem: relu
# expected: correct slow
"""Fails loudly if it sees the judge's environment, other processes, or their memory."""

import os
from pathlib import Path

import torch
from torch import nn

if any("SECRET" in name for name in os.environ):
    raise RuntimeError("the judge's environment is visible")
for entry in Path("/proc").iterdir():
    if entry.name.isdigit() and int(entry.name) != os.getpid():
        for name in ("environ", "mem", "maps"):
            try:
                with (entry / name).open("rb") as stream:
                    stream.read(1)
            except OSError:
                continue
            raise RuntimeError(f"read /proc/{entry.name}/{name}")


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.relu(x)
