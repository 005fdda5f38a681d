"""Outputs are found by position and by name."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from kernels_eval.structure import StructureError, arranged, structure_of
from kernels_eval.tree import flatten

ONE, TWO = torch.zeros(1), torch.ones(2)
Pair = namedtuple("Pair", "a b")
Other = namedtuple("Other", "b a")
Foreign = namedtuple("Foreign", "a c")


@dataclass
class Data:
    a: Any
    b: Any


def _found(reference: Any, output: Any) -> list[int]:
    """How many elements each of the tensors has that `output` gives for the reference's."""
    _, nesting = flatten(reference)
    return [tensor.numel() for tensor in arranged(structure_of(nesting), output)]


@pytest.mark.parametrize(
    ("reference", "output"),
    [
        (ONE, ONE),
        ((ONE, TWO), [ONE, TWO]),
        ([ONE, (TWO,)], (ONE, [TWO])),
        ({"a": ONE, "b": TWO}, {"b": TWO, "a": ONE}),
        ({"a": ONE, "b": TWO}, OrderedDict(b=TWO, a=ONE)),
        ({"a": ONE, "b": TWO}, Data(ONE, TWO)),
        (Data(ONE, TWO), {"b": TWO, "a": ONE}),
        (Pair(ONE, TWO), (ONE, TWO)),
        (Pair(ONE, TWO), Other(a=ONE, b=TWO)),
        (Pair(ONE, TWO), {"b": TWO, "a": ONE}),
        ((ONE, None, TWO), [ONE, None, TWO]),
        ({1: ONE, (2, 3): [TWO]}, {(2, 3): [TWO], 1: ONE}),
    ],
)
def test_found(reference: Any, output: Any) -> None:
    assert _found(reference, output) == [one.numel() for one in flatten(reference)[0]]


@pytest.mark.parametrize(
    ("reference", "output", "said"),
    [
        (ONE, (ONE,), "the output is a tuple of 1, wanted a tensor"),
        (ONE, None, "is None, wanted a tensor"),
        ((ONE, TWO), (ONE,), "has 1 parts, wanted 2"),
        ((ONE, TWO), {"a": ONE, "b": TWO}, "is a dict, wanted a tuple or list of 2"),
        ((ONE, TWO), (ONE, "two"), r"the output\[1\] is a str, wanted a tensor"),
        ({"a": ONE, "b": TWO}, (ONE, TWO), "is a tuple of 2, wanted the names 'a', 'b'"),
        ({"a": ONE}, {"A": ONE}, "has the names 'A', wanted the names 'a'"),
        ({"a": ONE}, {"a": ONE, "b": TWO}, "has the names 'a', 'b', wanted the names 'a'"),
        ({"a": [ONE]}, {"a": ONE}, r"the output\['a'\] is a tensor, wanted"),
        (Pair(ONE, TWO), Foreign(ONE, TWO), "has the names 'a', 'c'"),
        ((ONE, None), (ONE, 3), "is a int, wanted None"),
    ],
)
def test_not_found(reference: Any, output: Any, said: str) -> None:
    with pytest.raises(StructureError, match=said):
        _found(reference, output)
