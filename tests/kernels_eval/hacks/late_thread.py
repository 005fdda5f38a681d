# problem: relu
# expected: incorrect
"""Returns at once; a thread fills the output in later."""

import threading
import time

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)

        def finish():
            time.sleep(0.05)
            out.copy_(torch.relu(x))

        threading.Thread(target=finish, daemon=True).start()
        return out
