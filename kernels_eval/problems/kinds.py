"""Inputs of other kinds than a problem draws: with signs, at other scales, near one.

`torch.rand` never shows a ReLU a negative number, nor a clamp what lies beyond it; products of
positive numbers hide half precision, and long ones vanish. A kind is what is made of a draw; some
sets of such a problem are of one, and the rest are as drawn (`cures.py` says when).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import torch

from kernels_eval.problems.spread import by_place
from kernels_eval.worker.constants import around

_LEAST_OCTAVES = -2.0
_NEAR = 1.0 / 16
_ORDINARY = 8.0
_SOME = 1 << 16
"""Numbers that are looked at to see what an input is."""
_FEW = 64


@dataclass(frozen=True)
class Kind:
    """What is made of the inputs that may be changed."""

    name: str
    """As in "some sets have …"."""
    signs: bool = False
    limit: float = 0.0
    """Rows are scaled, at random, so that the largest number may come to this; 0: they are not."""
    constants: bool = False
    """Inputs that hold one value throughout are drawn around it, and nothing else is changed."""
    near_one: bool = False
    """Magnitudes are brought near one: products of thousands neither vanish nor explode."""

    def changes(self) -> dict[Nature, Callable[[torch.Tensor], torch.Tensor]]:
        """What becomes of inputs, by their nature; others stay as they are."""
        if self.constants:
            return {Nature.CONSTANT: _around}
        found: dict[Nature, Callable[[torch.Tensor], torch.Tensor]] = {
            Nature.ANY: functools.partial(_recast, self)
        }
        if self.signs:
            found[Nature.SYMMETRIC] = _symmetric_signs
        return found

    @property
    def shows_digits(self) -> bool:
        """Whether it may tell half of the digits: signs do, larger scales do not do it better."""
        return self.signs and self.limit <= _ORDINARY


GIVEN = Kind("what get_inputs() draws")
KINDS = (
    Kind("signs and scales drawn at random", signs=True, limit=_ORDINARY),
    Kind("signs drawn at random", signs=True),
    Kind("scales drawn at random", limit=_ORDINARY),
    Kind("numbers near one", near_one=True),
    Kind("inputs of one value drawn around it", constants=True),
    Kind("signs and large scales drawn at random", signs=True, limit=64.0),
    Kind("signs and huge scales drawn at random", signs=True, limit=4096.0),
)
"""In the order in which they are tried."""


class Nature(Enum):
    """What may be made of an input."""

    KEPT = "kept"
    ANY = "any numbers"
    CONSTANT = "one value, at every draw"
    SYMMETRIC = "a symmetric matrix, of any numbers"


def natures(ones: Sequence[torch.Tensor], others: Sequence[torch.Tensor]) -> tuple[Nature, ...]:
    """Of the inputs of two draws."""
    return tuple(_nature(one, other) for one, other in zip(ones, others, strict=True))


def _nature(one: torch.Tensor, other: torch.Tensor) -> Nature:
    if _constant(one) and torch.equal(one, other):
        return Nature.CONSTANT
    if not (_any_numbers(one) and _any_numbers(other)):
        return Nature.KEPT
    return Nature.SYMMETRIC if _symmetric(one) or _symmetric(other) else Nature.ANY


def _constant(tensor: torch.Tensor) -> bool:
    kinds = tensor.is_floating_point() or tensor.dtype is torch.bool
    return kinds and tensor.numel() > 0 and bool((tensor == tensor.reshape(-1)[0]).all())


def recast(
    kind: Kind, tensors: Sequence[torch.Tensor], known: Sequence[Nature]
) -> list[torch.Tensor]:
    """The tensors of one draw as that kind, by torch's seeded generators. Zeros stay zero, but for
    those of an input that holds nothing else."""
    if kind == GIVEN:
        return list(tensors)
    changes = kind.changes()
    return [
        changes[nature](one) if nature in changes else one
        for one, nature in zip(tensors, known, strict=True)
    ]


def _around(tensor: torch.Tensor) -> torch.Tensor:
    parts = torch.rand(tensor.shape, dtype=torch.float64)
    if tensor.dtype is torch.bool:
        return (parts < 0.5).to(tensor.device)
    return around(float(tensor.reshape(-1)[0]), parts).to(tensor.device, tensor.dtype)


def _recast(kind: Kind, tensor: torch.Tensor) -> torch.Tensor:
    if kind.near_one:
        tensor = _near_one(tensor)
    if kind.limit:
        tensor = _scaled(tensor, kind.limit)
    return by_place(tensor, _signs) if kind.signs else tensor


def _signs(shape: tuple[int, ...]) -> torch.Tensor:
    return 1.0 - 2.0 * torch.randint(0, 2, shape)


def _symmetric_signs(tensor: torch.Tensor) -> torch.Tensor:
    """Row and column of one place change their sign together: a matrix is symmetric, and positive
    definite, as it was."""
    signs = _signs(tensor.shape[:-1]).to(tensor.device, tensor.dtype)
    return tensor * signs.unsqueeze(-1) * signs.unsqueeze(-2)


def _scaled(tensor: torch.Tensor, limit: float) -> torch.Tensor:
    """Each row (of the first dimension that has several) times a power of two of its own."""
    largest = float(tensor.abs().max()) if tensor.numel() else 0.0
    most = math.log2(limit / largest) if 0.0 < largest < limit else 0.0
    shape = [1] * tensor.dim()
    place = next((at for at, extent in enumerate(tensor.shape) if extent > 1), None)
    if place is not None:
        shape[place] = tensor.shape[place]
    octaves = _LEAST_OCTAVES + (most - _LEAST_OCTAVES) * torch.rand(shape)
    return tensor * torch.exp2(octaves).to(tensor.device, tensor.dtype)


def _near_one(tensor: torch.Tensor) -> torch.Tensor:
    size = tensor.abs()
    logs = torch.where(size > 0, size, torch.ones_like(size)).log_()
    logs -= logs.mean()
    return torch.where(size > 0, logs.mul_(_NEAR).exp_(), size).copysign(tensor)


def _any_numbers(tensor: torch.Tensor) -> bool:
    """Whether an input's numbers are any numbers.

    Not those of a mask, a code or an image (whole numbers), of probabilities (rows that add up to
    one) or of a grid (ascending rows): they would be no such thing any more.
    """
    if not tensor.dtype.is_floating_point or not tensor.numel():
        return False
    some = tensor.reshape(-1)[:_SOME].double()
    if not bool(some.isfinite().all()) or bool((some == some.round()).all()):
        return False
    if tensor.dim() and tensor.shape[-1] > 2:
        rows = tensor.reshape(-1, tensor.shape[-1])[:_FEW].double()
        if bool(((rows.sum(1) - 1).abs() < 1e-3).all()) and bool((rows >= 0).all()):
            return False
        if bool((rows.diff(dim=1) >= 0).all()) or bool((rows.diff(dim=1) <= 0).all()):
            return False
    return True


def _symmetric(tensor: torch.Tensor) -> bool:
    square = tensor.dim() >= 2 and tensor.shape[-1] == tensor.shape[-2] > 1
    return square and torch.equal(tensor, tensor.mT)
