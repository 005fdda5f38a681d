"""Whether a problem is well-posed: its answer depends on its inputs, and on nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch

from kernels_eval.errors import ProblemError
from kernels_eval.problems.sets import InputSet
from kernels_eval.truth.fixed import FixedTolerance
from kernels_eval.truth.tolerance import Truth

Truths = Sequence[Truth | FixedTolerance]
Draw = Callable[[], InputSet]
Answer = Callable[[Sequence[torch.Tensor]], Truths]
_MORE_DRAWS = 5


def check_deterministic(item: InputSet, again: Sequence[torch.Tensor]) -> None:
    """`again`: the reference's outputs for the set's inputs, once more. Raises ProblemError."""
    for index, (output, truth) in enumerate(zip(again, item.truths, strict=True)):
        if truth.distance(output.contiguous().reshape(-1)) > 1:
            raise ProblemError(
                f"output {index} is not a function of the inputs: two calls of the reference "
                "differ, or float32 is too far from float64 (random or ill-conditioned)"
            )


def check_drawn(first: InputSet, second: InputSet) -> None:
    """Two draws must not be the same throughout. Raises ProblemError."""
    if all(map(torch.equal, first.inputs, second.inputs)):
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
