# problem: gpu/relu
# expected: incorrect correct slow
# twin: relu_graph
"""Returns the graph's own output, which the next replay overwrites."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.graph = None

    def forward(self, x):
        if self.graph is None:
            self.input = x.clone()
            here, warm = torch.cuda.current_stream(), torch.cuda.Stream()
            warm.wait_stream(here)
            with torch.cuda.stream(warm):
                torch.relu(self.input)
            here.wait_stream(warm)
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.output = torch.relu(self.input)
        self.input.copy_(x)
        self.graph.replay()
        return self.output
