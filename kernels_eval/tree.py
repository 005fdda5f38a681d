"""Nested inputs and outputs, taken apart into tensors and a shape of nesting, and put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class Leaf:
    """Stands where tensor number `index` was."""

    index: int


def flatten(nested: Any) -> tuple[list[torch.Tensor], Any]:
    """Tensors in depth-first order, and the nesting with a Leaf for each; other values stay put."""
    tensors: list[torch.Tensor] = []
    return tensors, _walk(nested, tensors)


def _walk(node: Any, tensors: list[torch.Tensor]) -> Any:
    # Not a function inside `flatten`: one that calls itself is a cycle, which keeps the tensors
    # alive until the next collection.
    if isinstance(node, torch.Tensor):
        tensors.append(node)
        return Leaf(len(tensors) - 1)
    if isinstance(node, dict):
        return {key: _walk(value, tensors) for key, value in node.items()}
    if isinstance(node, list):
        return [_walk(value, tensors) for value in node]
    if isinstance(node, tuple):
        return tuple(_walk(value, tensors) for value in node)
    return node


def unflatten(nesting: Any, tensors: Sequence[torch.Tensor]) -> Any:
    """The inverse of `flatten`."""
    if isinstance(nesting, Leaf):
        return tensors[nesting.index]
    if isinstance(nesting, dict):
        return {key: unflatten(value, tensors) for key, value in nesting.items()}
    if isinstance(nesting, list):
        return [unflatten(value, tensors) for value in nesting]
    if isinstance(nesting, tuple):
        return tuple(unflatten(value, tensors) for value in nesting)
    return nesting


def other_values(nesting: Any) -> list[Any]:
    """What is neither a container nor a tensor's place, in depth-first order."""
    if isinstance(nesting, Leaf):
        return []
    if isinstance(nesting, dict):
        return [value for child in nesting.values() for value in other_values(child)]
    if isinstance(nesting, list | tuple):
        return [value for child in nesting for value in other_values(child)]
    return [nesting]
