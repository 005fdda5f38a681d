"""A small problem file for a result that is to be filled in."""

PROBLEM = """
import torch
import torch.nn as nn


class Model(nn.Module):
    def forward(self, x):
        return {result}


def get_inputs():
    return [torch.randn(128, 64)]


def get_init_inputs():
    return []
"""
