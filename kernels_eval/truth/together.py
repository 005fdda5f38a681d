"""Many small answers looked at in one go: one by one, launching would take most of the time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch.nn import functional

from kernels_eval.truth.fixed import FixedTolerance
from kernels_eval.truth.tolerance import SURE, WINDOW, Truth

_SMALL = 1 << 17
"""Elements: half a megabyte, which a GPU reads in the time of a launch."""


def worst_distance(
    truths: Sequence[Truth | FixedTolerance], answers: Iterable[torch.Tensor], numel: int
) -> float:
    """The largest of `truth.distance(answer)` over the pairs, in units of what is allowed.

    `answers`: (numel,) each; large ones are asked for one after another, and need not all be there.
    """
    if len(truths) > 1 and numel <= _SMALL:
        answers = list(answers)
        together = _near(truths, answers)
        if together is not None:
            return together
    worst = 0.0
    for truth, answer in zip(truths, answers, strict=True):
        distance = truth.distance(answer)
        if not distance <= worst:
            worst = distance  # also when it is not a number
    return worst


def _near(
    truths: Sequence[Truth | FixedTolerance], answers: Sequence[torch.Tensor]
) -> float | None:
    """What `Truth.distance` would say of the worst if float32 proves that all pass, else None.

    The same look as `Truth._near`, at all pairs: where it does not settle it, they are looked at
    one by one.
    """
    count = answers[0].numel()
    rounded, windows, wholes = [], [], []
    for truth, answer in zip(truths, answers, strict=True):
        if (
            not isinstance(truth, Truth)
            or truth.rounded is None
            or truth.off != (0.0, 0.0)
            or truth.window_allowed is None
            or not truth.finite
            or answer.dtype is not torch.float32
            or answer.numel() != count
        ):
            return None
        rounded.append(truth.rounded)
        windows.append(truth.window_allowed)
        wholes.append(truth.allowed)
    difference = torch.stack(list(answers)) - torch.stack(rounded)
    padded = functional.pad(difference, (0, -count % WINDOW))
    squares = padded.view(len(answers), -1, WINDOW).square_().sum(2).to(torch.float64)
    allowed = torch.tensor(wholes, dtype=torch.float64, device=squares.device)
    window = (squares / torch.stack(windows)).max()
    totals = squares.sum(1)
    whole = torch.where(totals == 0, totals, totals / allowed).max()
    worst = max(torch.stack([window, whole]).tolist())
    return math.sqrt(worst) if worst <= SURE else None
