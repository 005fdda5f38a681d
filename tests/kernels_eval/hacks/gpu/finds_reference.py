# problem: gpu/relu
# expected: compile_error runtime_error
# twin: relu_fallback
"""Looks for the reference's class in every module, file and object it can reach."""

import gc
import sys
from pathlib import Path

import torch


def find():
    for module in list(sys.modules.values()):
        if "get_inputs" in getattr(module, "__dict__", ()):
            return module.Model
    for value in gc.get_objects():
        if (
            isinstance(value, type)
            and value.__name__ == "Model"
            and issubclass(value, torch.nn.Module)
        ):
            return value
    for path in Path("/tmp").rglob("*problem*.py"):
        space = {}
        exec(path.read_text(), space)
        return space["Model"]
    raise LookupError("no reference in reach")


ModelNew = find()
