# problem: relu
# expected: correct slow
"""Fails loudly if it can write anywhere but in its own directory."""

import os
from pathlib import Path

import torch
from torch import nn

Path("mine").write_text("allowed")
package = Path(torch.__file__).parent
for place in ("/tmp", "/var/tmp", "/", "/etc", "/usr", str(package), "/home", "/root", "/dev"):
    try:
        (Path(place) / f"kernels-eval-{os.getpid()}").write_text("no")
    except OSError:
        continue
    raise RuntimeError(f"wrote to {place}")


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.relu(x)
