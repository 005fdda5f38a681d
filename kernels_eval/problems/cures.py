"""What a problem's own inputs and parameters hide, and what is done about it for both sides alike.

References that leave something out (`mutants.py`) are given a draw of the problem's own. Where one
passes, other kinds of inputs are tried (`kinds.py`): a kind that tells it from the right one, and
under which the reference stays finite and its float32 as near to its float64, makes up a part of
the sets from then on. What none tells is said beside every verdict.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from kernels_eval.errors import ProblemError
from kernels_eval.problems.kinds import KINDS, Kind
from kernels_eval.problems.mutants import DIGITS, Mutant
from kernels_eval.problems.sets import InputSet
from kernels_eval.truth.fixed import FixedTolerance
from kernels_eval.truth.tolerance import Truth

_FAR = 1.5
"""Units of what is allowed: what is nearer passes now and then."""
_DEAD_SHARE = 0.05
_LEAST, _ENOUGH_S, _LONGEST_S = 8, 6.0, 20.0
"""Mutants that are looked at in any case, and seconds of computing, or by the clock, after which no
more are: a reference may wait, or let other processes work."""
_ILL, _WORSE = 1e-4, 8.0
"""How far float32 may be from float64, as a share; and how much farther than with the problem's own
inputs."""
SMALL = "what is too small to be seen beside the rest of the output"
UNSEEN = "whatever it may lack: memory is too short to look"


@dataclass(frozen=True)
class Found:
    """Beside the problem's own: kinds of sets, and what no set tells."""

    kinds: tuple[Kind, ...] = ()
    hidden: tuple[str, ...] = ()
    """What the problem's own inputs hide and those kinds do not."""
    cannot_tell: tuple[str, ...] = ()


def look(
    item: InputSet,
    candidates: Sequence[Mutant],
    of_kind: Callable[[Kind], Sequence[InputSet]],
) -> Found:
    """`item`: a set of the problem's own. `of_kind`: some of another, none where the reference
    has no meaning there."""
    left = []
    computed, began = time.process_time(), time.monotonic()
    for looked_at, mutant in enumerate(candidates):
        long = time.monotonic() - began > _LONGEST_S
        if looked_at >= _LEAST and (long or time.process_time() - computed > _ENOUGH_S):
            break
        if passes(mutant, item):
            left.append(mutant)
    dead = dead_share(item) >= _DEAD_SHARE
    hidden = _lacking(left, dead)
    kinds: list[Kind] = []
    for kind in KINDS:
        if not left and not dead:
            break
        if not kind.shows_digits and not dead and all(one.lacks == DIGITS for one in left):
            continue
        others = of_kind(kind)
        if not others:
            continue
        still = [one for one in left if all(passes(one, other, 1.0) for other in others)]
        dead_there = dead and dead_share(others[0]) >= _DEAD_SHARE
        if len(still) < len(left) or dead_there < dead:
            kinds.append(kind)
            left, dead = still, dead_there
    shown = tuple(one for one in hidden if one not in _lacking(left, dead))
    named = [mutant for mutant in left if mutant.named]
    return Found(tuple(kinds), shown, _lacking(named, dead))


def _lacking(left: Sequence[Mutant], dead: bool) -> tuple[str, ...]:
    return tuple(dict.fromkeys([mutant.lacks for mutant in left] + [SMALL] * dead))


def passes(mutant: Mutant, item: InputSet, most: float = _FAR) -> bool:
    """Whether its answers for a set are no farther from right ones than so many times what is
    allowed."""
    try:
        outputs = mutant.answers(item.inputs)
    except ProblemError:
        return False
    return all(_within(truth, one, most) for one, truth in zip(outputs, item.truths, strict=True))


def _within(truth: Truth | FixedTolerance, output: torch.Tensor, most: float) -> bool:
    answer = output.contiguous().reshape(-1)
    if isinstance(truth, Truth):
        return truth.within(answer, most)
    return truth.distance(answer) <= most


def dead_share(item: InputSet) -> float:
    """Of the windows of the outputs that are no plain zeros: those that zeros would pass in."""
    shares = [truth.unseen_share() for truth in item.truths if isinstance(truth, Truth)]
    return max(shares, default=0.0)


def sound(
    outputs: Sequence[torch.Tensor],
    exact: Sequence[torch.Tensor],
    own: Sequence[torch.Tensor],
    own_exact: Sequence[torch.Tensor],
) -> bool:
    """Whether a reference's outputs mean as much as those for the problem's `own` inputs."""
    for one, wide, before, before_wide in zip(outputs, exact, own, own_exact, strict=True):
        if one.dtype is not before.dtype or one.shape != before.shape:
            return False
        if not (one.is_floating_point() or one.is_complex()):
            continue
        if int((~one.isfinite()).sum()) > int((~before.isfinite()).sum()):
            return False
        if _off(one, wide) > max(_ILL, _WORSE * _off(before, before_wide)):
            return False
    return True


def _off(one: torch.Tensor, exact: torch.Tensor) -> float:
    wide = exact.to(torch.complex128 if exact.is_complex() else torch.float64)
    distance = (one.to(wide.dtype) - wide).abs().square()
    size = wide.abs().square()
    kept = distance.isfinite() & size.isfinite()
    error, whole = float(distance[kept].sum()), float(size[kept].sum())
    return math.sqrt(error / whole) if whole > 0 else (math.inf if error > 0 else 0.0)
