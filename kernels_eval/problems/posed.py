"""Whether a problem is well-posed: its answer depends on its inputs, and on nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch

from kernels_eval.errors import ProblemError
from kernels_eval.problems.sets import InputSet
from kernels_eval.truth.difference import allowed_each
from kernels_eval.truth.fixed import FixedTolerance
from kernels_eval.truth.rounding import Answers, off_by_more
from kernels_eval.truth.tolerance import Truth, plain_numbers

Truths = Sequence[Truth | FixedTolerance]
Draw = Callable[[], InputSet]
Answer = Callable[[Sequence[torch.Tensor]], Truths]
Settle = Callable[[InputSet, int, torch.Tensor], torch.Tensor]
_MORE_DRAWS = 5
_SOME = 1 << 16
"""Numbers that are looked at for equal ones."""
_TRIFLE = 1e-6


def check_deterministic(item: InputSet, again: Sequence[torch.Tensor]) -> None:
    """`again`: the reference's outputs for the set's inputs, once more. Raises ProblemError."""
    for index, (output, truth) in enumerate(zip(again, item.truths, strict=True)):
        if truth.distance(output.contiguous().reshape(-1)) > 1:
            raise ProblemError(
                f"output {index} is not a function of the inputs: two calls of the reference "
                "differ, or float32 is too far from float64 (random or ill-conditioned)"
            )


def check_drawn(first: InputSet, second: InputSet, draw: Draw) -> None:
    """Draws must not be the same throughout; two of an input with few values are now and then.

    Raises ProblemError.
    """
    if all(all(map(torch.equal, first.inputs, one.inputs)) for one in _others(second, draw)):
        raise ProblemError(
            "get_inputs() returns the same values at every draw (nothing in it is random, or it "
            "seeds a generator itself): a kernel that returns a constant would pass"
        )


def check_dependence(first: InputSet, second: InputSet, draw: Draw, answer: Answer) -> None:
    """Outputs must vary between draws, and with each input, beyond tolerance.

    Two draws of a single number are near each other now and then: one of several must not be.
    Raises ProblemError.
    """
    if not any(_differ(first.truths, other.truths, every=True) for other in _others(second, draw)):
        raise ProblemError(
            "an output is constant, or varies less than the tolerance, over random inputs: "
            "a kernel that computes nothing would pass"
        )
    if len(first.inputs) == 1:
        return
    for index, (mine, theirs) in enumerate(zip(first.inputs, second.inputs, strict=True)):
        if torch.equal(mine, theirs):
            continue  # not drawn at random
        if not any(
            _differ(first.truths, answer(_exchanged(first, index, other)), every=False)
            for other in _others(second, draw)
        ):
            raise ProblemError(f"the output does not depend on input {index}")


def check_order(item: InputSet, answers: Answers, settle: Settle) -> None:
    """Where inputs hold equal values, their order must not matter beyond indices of them.

    Each number is raised by a trifle, another one each time: whoever sorts or takes the largest
    then chooses among equals at random. (A step at the value itself gives the same both times.)
    Raises ProblemError.
    """
    tied = [index for index, one in enumerate(item.inputs) if _has_ties(one)]
    if not tied:
        return
    once = answers([_raised(one) for one in item.inputs])
    again = answers([_raised(one) for one in item.inputs])
    if once is None or again is None:
        return
    for place, (truth, one, other) in enumerate(zip(item.truths, once, again, strict=True)):
        if not isinstance(truth, Truth):
            continue
        expected = truth.values()
        mine, theirs = (
            plain_numbers(each.contiguous().reshape(-1)).to(expected.dtype) for each in (one, other)
        )
        if not bool(off_by_more(mine, theirs, 2 * allowed_each(truth, expected)).any()):
            continue
        if truth.distance(settle(item, place, mine)) <= 1:
            continue
        raise ProblemError(
            f"output {place} has many right answers: input {tied[0]} holds equal values, and the "
            "result depends on which of them comes first; draw values that differ (torch.rand, "
            "torch.randperm), or return what their order does not change"
        )


def _has_ties(tensor: torch.Tensor) -> bool:
    """Whether fewer than half of some floating numbers are different ones."""
    if not tensor.is_floating_point() or tensor.numel() < 2:
        return False
    some = tensor.reshape(-1)[:_SOME]
    different: torch.Tensor = torch.unique(some)
    return 2 * different.numel() < some.numel()


def _raised(tensor: torch.Tensor) -> torch.Tensor:
    """In float64, each number by up to a millionth of the smallest gap between two; others kept."""
    if not tensor.is_floating_point():
        return tensor
    wide = tensor.double()
    if not _has_ties(tensor):
        return wide
    gaps = torch.unique(wide.reshape(-1)[:_SOME]).diff()
    gap = float(gaps.min()) if gaps.numel() else 1.0
    noise = torch.rand(wide.shape, dtype=torch.float64).to(wide.device)
    return wide + _TRIFLE * gap * noise


def _others(second: InputSet, draw: Draw) -> Iterator[InputSet]:
    """The second draw, and some more if that does not settle it."""
    yield second
    for _ in range(_MORE_DRAWS):
        yield draw()


def _exchanged(first: InputSet, index: int, other: InputSet) -> list[torch.Tensor]:
    """The first set's inputs with one of the other's."""
    mixed = list(first.inputs)
    mixed[index] = other.inputs[index]
    return mixed


def _differ(ones: Truths, others: Truths, every: bool) -> bool:
    """Whether answers differ by more than twice what is allowed: no constant fits both.

    Empty outputs have nothing to differ in.
    """
    pairs = [pair for pair in zip(ones, others, strict=True) if not pair[0].is_empty]
    verdicts = [one.distance(other.values()) > 2 for one, other in pairs]
    return all(verdicts) if every else any(verdicts)
