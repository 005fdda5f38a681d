"""Answers on the other side of a step: right for inputs that differ by no more than rounding.

A function that rounds, compares or picks the largest jumps somewhere. Where the float64 result is
next to such a place, a kernel that multiplies by a reciprocal instead of dividing lands behind it,
a whole step away, and is as right as the reference. So a few elements that are off are compared
with what the reference says for inputs moved by as little as rounding may (backward error): each
number by (32 + √n)·ε / 4 of itself, up or down at random, or by any part of that. Several ways are
tried. (Where the jump depends on the ratio of two, moving both by all of it leaves the ratio alone
every other time; moving each by a part of it hardly ever does, but does not go as far.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from kernels_eval.truth.difference import allowed_each
from kernels_eval.truth.tolerance import Truth, plain_numbers, relative_allowance, widened

_SHARE = 4.0
_FEW, _FEW_OF = 16, 64
"""Elements that may be settled so: 16, or one in 64. More are no accident of rounding."""

Answers = Callable[[Sequence[torch.Tensor]], Sequence[torch.Tensor] | None]
"""Outputs in float64 for inputs in float64; None if there are none."""


@dataclass(frozen=True)
class Steps:
    """One output's elements that are next to a step."""

    places: torch.Tensor
    """(K,) flat indices, ascending."""
    others: torch.Tensor
    """(2, K) what is right there for inputs that were moved."""


def moved(
    inputs: Sequence[torch.Tensor], kind: torch.dtype, depth: int, seed: int, in_parts: bool = False
) -> list[list[torch.Tensor]]:
    """The inputs in float64, moved one way and the opposite; nothing where no input can be.

    `kind`: the type that kernels round to. `in_parts`: each number by a part of what is allowed
    that is drawn evenly, instead of all of it. Whole numbers are taken for exact: who compares
    with one means it.
    """
    size = relative_allowance(kind, depth) / _SHARE
    generator = torch.Generator().manual_seed(seed % 2**62)
    up, down, any_moved = [], [], False
    for one in inputs:
        wide = widened(one)
        if not (one.is_floating_point() or one.is_complex()) or _whole(one):
            up.append(wide)
            down.append(wide)
            continue
        any_moved = True
        parts = 2.0 * torch.rand(one.shape, generator=generator) - 1.0
        by = size * (parts if in_parts else parts.sign()).to(one.device, torch.float64)
        up.append(wide * (1.0 + by))
        down.append(wide * (1.0 - by))
    return [up, down] if any_moved else []


def find_steps(
    truths: Sequence[Truth], moved_inputs: Sequence[Sequence[torch.Tensor]], answers: Answers
) -> list[Steps] | None:
    """For each output, where moving the inputs changes it by more than is allowed.

    None if the inputs cannot be moved, or the reference has no answer for them then.
    """
    if not moved_inputs:
        return None
    others: list[list[torch.Tensor]] = [[] for _ in truths]
    for inputs in moved_inputs:
        outputs = answers(inputs)
        if outputs is None:
            return None
        for place, one in enumerate(outputs):
            others[place].append(plain_numbers(one.contiguous().reshape(-1)))
    return [_steps(truth, found) for truth, found in zip(truths, others, strict=True)]


def _steps(truth: Truth, others: list[torch.Tensor]) -> Steps:
    expected = truth.values()
    allowed = allowed_each(truth, expected)
    jumps = torch.zeros(expected.shape, dtype=torch.bool, device=expected.device)
    for other in others:
        jumps |= off_by_more(other.to(expected.dtype), expected, allowed)
    places = jumps.nonzero().reshape(-1)
    if places.numel() > _few(expected.numel()):
        places = places[:0]
    return Steps(places, torch.stack([other.to(expected.dtype)[places] for other in others]))


def settle_steps(truth: Truth, steps: Steps, answer: torch.Tensor) -> torch.Tensor:
    """The answer (flat), with what is right beyond a step brought to this side of it."""
    expected = truth.values()[steps.places]
    mine = plain_numbers(answer)[steps.places].to(expected.dtype)
    allowed = allowed_each(truth, truth.values())
    here = allowed if allowed.dim() == 0 else allowed[steps.places]
    settled = mine.clone()
    off = off_by_more(mine, expected, here)
    for other in steps.others:
        beyond = off & ~off_by_more(mine, other, here)
        change = mine - other if mine.is_floating_point() else torch.zeros_like(mine)
        settled = torch.where(beyond, expected + change, settled)
    result = plain_numbers(answer).clone()
    if result.is_floating_point():
        result = result.to(torch.float64)  # a step's difference may be finer than float32's
    result[steps.places] = settled.to(result.dtype)
    return result


def few_are_off(truth: Truth, answer: torch.Tensor) -> bool:
    """Whether so few elements are further off than allowed that steps may explain them."""
    answer = plain_numbers(answer)
    expected = truth.values()
    off = off_by_more(answer.to(expected.dtype), expected, allowed_each(truth, expected))
    return 0 < int(off.sum()) <= _few(expected.numel())


def _few(numel: int) -> int:
    return max(_FEW, numel // _FEW_OF)


def off_by_more(one: torch.Tensor, other: torch.Tensor, allowed: torch.Tensor) -> torch.Tensor:
    """Where two flat tensors differ by more than is allowed; whole numbers if they differ."""
    if not one.is_floating_point():
        return one != other
    same = (one == other) | (one.isnan() & other.isnan())
    return ~(same | ((one - other).abs() <= allowed))


def _whole(tensor: torch.Tensor) -> bool:
    return not tensor.is_complex() and bool((tensor == tensor.round()).all())
