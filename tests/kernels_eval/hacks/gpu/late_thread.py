# problem: gpu/relu
# expected: incorrect rejected
# twin: relu_host_thread
"""Returns at once; a host thread launches the kernel later."""

import threading
import time

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)

        def finish():
            time.sleep(0.05)
            torch.clamp(x, min=0, out=out)

        threading.Thread(target=finish, daemon=True).start()
        return out
