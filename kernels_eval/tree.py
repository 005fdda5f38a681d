"""Nested inputs and outputs, taken apart into tensors and a shape of nesting, and put together.

Lists, tuples (named ones too), dictionaries, dataclasses and objects that hold tensors as
attributes are nestings. NumPy arrays of numbers count as tensors, and come back as arrays.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch


@dataclass(frozen=True, slots=True)
class Leaf:
    """Stands where tensor number `index` was."""

    index: int
    array: bool = False
    """It was a NumPy array."""


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
    if isinstance(node, np.ndarray):
        tensor = _as_tensor(node)
        if tensor is None:
            return node
        tensors.append(tensor)
        return Leaf(len(tensors) - 1, array=True)
    inside = children(node)
    if inside is None:
        return node
    count = len(tensors)
    walked = [_walk(value, tensors) for value in inside.values()]
    return node if is_object(node) and len(tensors) == count else _rebuilt(node, inside, walked)


def _as_tensor(array: np.ndarray[Any, Any]) -> torch.Tensor | None:
    """None for an array of what torch has no type for."""
    try:
        return torch.from_numpy(np.array(array))
    except TypeError:
        return None


def unflatten(nesting: Any, tensors: Sequence[torch.Tensor]) -> Any:
    """The inverse of `flatten`; arrays share the tensors' memory."""
    if isinstance(nesting, Leaf):
        tensor = tensors[nesting.index]
        return tensor.numpy() if nesting.array else tensor
    inside = children(nesting)
    if inside is None:
        return nesting
    values = [unflatten(value, tensors) for value in inside.values()]
    return nesting if is_object(nesting) and not values else _rebuilt(nesting, inside, values)


def other_values(nesting: Any) -> list[Any]:
    """What is neither a container nor a tensor's place, in depth-first order."""
    if isinstance(nesting, Leaf):
        return []
    inside = children(nesting)
    if inside is None:
        return [nesting]
    return [value for child in inside.values() for value in other_values(child)]


def has_arrays(nesting: Any) -> bool:
    """Whether a tensor's place was a NumPy array's."""
    if isinstance(nesting, Leaf):
        return nesting.array
    return any(map(has_arrays, (children(nesting) or {}).values()))


def children(node: Any) -> dict[Any, Any] | None:
    """What a nesting holds, by key, position or name; None for anything else."""
    if isinstance(node, dict):
        return node
    if isinstance(node, list | tuple):
        return dict(enumerate(node))
    if isinstance(node, type | torch.nn.Module | Leaf):
        return None
    if dataclasses.is_dataclass(node):
        return {field.name: getattr(node, field.name) for field in dataclasses.fields(node)}
    held = getattr(node, "__dict__", {})
    if any(isinstance(one, torch.Tensor | Leaf) for one in held.values()):
        return dict(held)
    return None


def is_object(node: Any) -> bool:
    """Whether what a nesting holds are its attributes."""
    return not isinstance(node, list | tuple | Mapping)


def _rebuilt(node: Any, inside: dict[Any, Any], values: list[Any]) -> Any:
    """A nesting as `node`, of other values."""
    kind = type(node)
    if kind is list or kind is tuple:
        return kind(values)
    if kind is dict:
        return dict(zip(inside, values, strict=True))
    if isinstance(node, tuple):
        return kind(*values) if hasattr(node, "_fields") else tuple(values)
    if isinstance(node, list):
        return values
    made = copy.copy(node)
    for key, value in zip(inside, values, strict=True):
        if isinstance(node, dict):
            made[key] = value
        else:
            object.__setattr__(made, key, value)
    return made
