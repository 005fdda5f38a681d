"""Where an answer is wrong first, and by how much: what a reader of a verdict asks next."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from kernels_eval.truth.fixed import FixedTolerance
from kernels_eval.truth.tolerance import WINDOW, Truth, chunk_of, plain_numbers

_CHUNK = 1 << 22


@dataclass
class Off:
    """How an answer differs from what is right. Flat indices."""

    first: int | None = None
    """The first element that is further off than its window allows on average; None if none is."""
    got: float = 0.0
    wanted: float = 0.0
    """Of that element."""
    absolute: float = 0.0
    relative: float = 0.0
    """The largest of all; infinite where one of both is not a number, or only one infinite."""
    error_squares: float = 0.0
    value_squares: float = 0.0

    @property
    def norm(self) -> float:
        """The distance over the values' size, both as the root of a sum of squares."""
        size = math.sqrt(self.value_squares)
        return math.sqrt(self.error_squares) / size if size else math.inf


def off(truth: Truth | FixedTolerance, answer: torch.Tensor) -> Off:
    """Of a flat `answer`, complex ones as pairs of numbers."""
    answer = plain_numbers(answer)
    expected = plain_numbers(truth.values())
    found = Off()
    step = chunk_of(answer, _CHUNK) // WINDOW * WINDOW
    for start in range(0, answer.numel(), step):
        stop = min(start + step, answer.numel())
        allowed = _allowed(truth, expected[start:stop], start)
        _look(found, answer[start:stop], expected[start:stop], allowed, start)
    return found


def _look(
    found: Off, answer: torch.Tensor, expected: torch.Tensor, allowed: torch.Tensor, start: int
) -> None:
    mine, right = answer.to(torch.float64), expected.to(torch.float64)
    equal = (answer == expected) | (mine.isnan() & right.isnan())
    distance = torch.where(equal, 0.0, (mine - right).abs()).nan_to_num(math.inf, math.inf)
    wrong = distance > allowed
    if found.first is None and bool(wrong.any()):
        place = int(wrong.to(torch.uint8).argmax())
        found.first = start + place
        found.got, found.wanted = float(mine[place]), float(right[place])
    found.absolute = max(found.absolute, float(distance.max()))
    relative = torch.where(equal, 0.0, distance / right.abs()).nan_to_num(math.inf, math.inf)
    sized = relative[(right != 0) | (distance == math.inf)]
    found.relative = max(found.relative, float(sized.max()) if sized.numel() else 0.0)
    found.error_squares += float(distance.square().sum())
    found.value_squares += float(right.nan_to_num(0.0, 0.0, 0.0).square().sum())


def _allowed(truth: Truth | FixedTolerance, expected: torch.Tensor, start: int) -> torch.Tensor:
    """For each element from `start` on."""
    if isinstance(truth, FixedTolerance):
        exact = not truth.expected.dtype.is_floating_point and not truth.expected.is_complex()
        return (1 + expected.to(torch.float64).abs()) * (0.0 if exact else truth.tolerance)
    if truth.window_allowed is None:
        return torch.zeros((), dtype=torch.float64, device=expected.device)
    count = expected.numel()
    windows = truth.window_allowed[start // WINDOW : -(-(start + count) // WINDOW)]
    return (windows / WINDOW).sqrt().repeat_interleave(WINDOW)[:count]
