# problem: gpu/relu
# expected: incorrect rejected runtime_error correct slow
# twin: relu_array_interface
"""Finds the integers that tell the judge where the outputs are, and points them elsewhere."""

import gc

import torch
from torch import nn


def reports():
    for value in gc.get_objects():
        if type(value).__name__ == "function":
            for cell in value.__closure__ or ():
                try:
                    content = cell.cell_contents
                except ValueError:
                    continue
                if isinstance(content, memoryview) and content.format == "q":
                    yield content


class ModelNew(nn.Module):
    def forward(self, x):
        for report in reports():
            for place in range(0, min(64, len(report))):
                try:
                    report[place] = 0x10
                except (TypeError, ValueError):
                    break
        for _ in range(4):
            out = torch.relu(x)
        return out
