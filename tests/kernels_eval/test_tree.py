"""Nestings come back as they were, and nobody keeps the tensors."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

from kernels_eval.tree import flatten, other_values, unflatten


def test_round_trip() -> None:
    a, b, c = (torch.full((2,), float(value)) for value in range(3))
    nested = {"x": [a, 3, (b, None)], "y": c, "z": ()}
    tensors, nesting = flatten(nested)
    assert [id(tensor) for tensor in tensors] == [id(a), id(b), id(c)]
    assert other_values(nesting) == [3, None]
    again = unflatten(nesting, tensors)
    assert again["x"][0] is a
    assert again["x"][1:] == [3, (b, None)]
    assert again["y"] is c
    assert again["z"] == ()


@pytest.mark.parametrize("nested", ["tensor", "list"])
def test_tensors_end_with_their_last_user(nested: str) -> None:
    """Gigabytes would otherwise wait for a collection."""
    tensor = torch.zeros(4)
    gone = weakref.ref(tensor)
    gc.disable()
    try:
        flatten(tensor if nested == "tensor" else [tensor, (tensor,)])
        del tensor
        assert gone() is None
    finally:
        gc.enable()
