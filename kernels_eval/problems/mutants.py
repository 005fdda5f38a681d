"""References that leave something out: what a problem must be able to tell from the right one.

A mutant lacks a step (or one side of one that has several: a clamp, a ReLU), a parameter, three
rows of four, or half of the digits. One whose answers pass shows what the problem's inputs hide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from kernels_eval.problems.kinds import Nature
from kernels_eval.problems.sides import SIDES

Call = Callable[[Any, Sequence[torch.Tensor]], Sequence[torch.Tensor]]
"""A model's outputs for inputs."""
Inputs = Callable[[Sequence[torch.Tensor]], Sequence[torch.Tensor]]

_STEPS, _PARAMETERS, _ROWS = 16, 16, 6
"""At most so many mutants of each sort."""
_SMALL = 8
"""A step on less than an eighth of the largest tensor costs nothing to take."""
_EVERY = 4
DIGITS = "half of the digits (TF32, half precision)"
ROWS = "three of four places"
_TF32_BITS = 13

_AS_THEY_ARE = {
    *("clone", "detach", "alias", "copy", "_to_copy", "contiguous", "lift_fresh", "fill", "zero"),
    *("view", "_unsafe_view", "reshape", "expand", "permute", "transpose", "t", "slice", "select"),
    *("triu", "tril", "empty_like", "zeros_like", "ones_like", "full_like", "rand_like"),
    *("_conj", "_neg_view", "resolve_conj", "resolve_neg", "squeeze", "unsqueeze", "flip", "roll"),
}
"""Steps that compute nothing, or nothing that could be left out; `triu` of what is upper triangular
already is one."""


@dataclass(frozen=True)
class Mutant:
    """A reference that lacks something; `answers` are its outputs for inputs."""

    lacks: str
    """As in "this problem cannot tell a kernel without …"."""
    answers: Inputs
    named: bool = True
    """Whether that is said: what no signs change may not depend on them."""


def mutants(
    model: Any,
    inputs: Sequence[torch.Tensor],
    known: Sequence[Nature],
    neutral: dict[str, torch.Tensor],
    call: Call,
) -> list[Mutant]:
    """Of a reference, as far as its inputs have it take their steps.

    known: the inputs' natures. neutral: parameter → what the constructor makes of it, if that is
    not what it holds.
    """
    return [
        *_less_precise(model, inputs, call),
        *_without_constants(model, inputs, known, call),
        *_without_signs(model, inputs, known, call),
        *_with_fewer_rows(model, inputs, call),
        *_without_steps(model, inputs, call),
        *_without_parameters(model, neutral, call),
    ]


def _less_precise(model: Any, inputs: Sequence[torch.Tensor], call: Call) -> Iterator[Mutant]:
    if not all(torch.equal(as_tf32(one), one) for one in inputs):
        yield Mutant(
            DIGITS,
            lambda given: call(model, [as_tf32(one) for one in given]),
        )


def _without_constants(
    model: Any, inputs: Sequence[torch.Tensor], known: Sequence[Nature], call: Call
) -> Iterator[Mutant]:
    """With the value that an input always has in the place of what is given."""

    def without(at: int) -> Inputs:
        def answers(given: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
            changed = list(given)
            changed[at] = inputs[at]
            return call(model, changed)

        return answers

    for at, nature in enumerate(known):
        if nature is Nature.CONSTANT:
            yield Mutant(f"input {at}", without(at))


def _without_signs(
    model: Any, inputs: Sequence[torch.Tensor], known: Sequence[Nature], call: Call
) -> Iterator[Mutant]:
    """With magnitudes, where an input shows nothing else."""

    def without(at: int) -> Inputs:
        def answers(given: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
            changed = list(given)
            changed[at] = given[at].abs()
            return call(model, changed)

        return answers

    for at, (one, nature) in enumerate(zip(inputs, known, strict=True)):
        if nature in (Nature.ANY, Nature.SYMMETRIC) and bool((one >= 0).all()):
            yield Mutant(f"the signs of input {at}", without(at), named=False)


def as_tf32(tensor: torch.Tensor) -> torch.Tensor:
    """float32 numbers rounded to ten bits of fraction, as tensor cores do; others as they are."""
    if tensor.dtype is not torch.float32:
        return tensor
    bits = tensor.contiguous().view(torch.int32)
    half = 1 << (_TF32_BITS - 1)
    return ((bits + half) & -(1 << _TF32_BITS)).view(torch.float32)


def with_fewer_rows(tensor: torch.Tensor, place: int) -> torch.Tensor:
    """Every fourth place of a dimension, in the place of the three after it, too."""
    index = torch.arange(tensor.shape[place], device=tensor.device)
    return tensor.index_select(place, index - index % _EVERY)


def _with_fewer_rows(model: Any, inputs: Sequence[torch.Tensor], call: Call) -> Iterator[Mutant]:
    def fewer(at: int, place: int) -> Inputs:
        def answers(given: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
            changed = list(given)
            changed[at] = with_fewer_rows(given[at], place)
            return call(model, changed)

        return answers

    found = [
        Mutant(f"{ROWS} along dimension {place} of input {at}", fewer(at, place))
        for at, one in enumerate(inputs)
        if one.is_floating_point()
        for place in (0, *range(one.dim() - 1, 0, -1))[: one.dim()]
        if one.shape[place] >= 2 * _EVERY
    ]
    yield from found[:_ROWS]


def _without_parameters(
    model: Any, neutral: dict[str, torch.Tensor], call: Call
) -> Iterator[Mutant]:
    if not isinstance(model, nn.Module):
        return

    def without(name: str, value: nn.Parameter) -> Inputs:
        def answers(given: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
            kept = value.detach().clone()
            with torch.no_grad():
                value.copy_(neutral[name]) if name in neutral else value.zero_()
                try:
                    return [one.clone() for one in call(model, given)]
                finally:
                    value.copy_(kept)

        return answers

    named = [pair for pair in model.named_parameters() if pair[1].is_floating_point()]
    named.sort(key=lambda pair: pair[0] not in neutral)
    for name, value in named[:_PARAMETERS]:
        yield Mutant(f"the parameter {name}", without(name, value))


def _without_steps(model: Any, inputs: Sequence[torch.Tensor], call: Call) -> Iterator[Mutant]:
    watch = _Steps()
    try:
        with watch:
            outputs = call(model, inputs)
    except Exception:
        return  # compiled code, for example, which takes no notice of modes
    largest = max(one.numel() for one in (*inputs, *outputs))

    def without(index: int, instead: Callable[..., torch.Tensor]) -> Inputs:
        def answers(given: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
            with _Steps(index, instead):
                return call(model, given)

        return answers

    found = []
    for index, (name, numel) in enumerate(watch.seen):
        if numel * _SMALL < largest:
            continue
        if name not in ("where", "maximum", "minimum", "sign"):
            found.append(Mutant(f"the step {name}", without(index, _first)))
        found += [
            Mutant(f"one side of the step {name}", without(index, side))
            for side in SIDES.get(name, ())
        ]
    yield from found[:_STEPS]


def _first(value: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
    return value


class _Steps(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the steps that give a tensor like their first one; one of them may be another."""

    def __init__(
        self, index: int | None = None, instead: Callable[..., torch.Tensor] | None = None
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: list[tuple[str, int]] = []
        self._index, self._instead = index, instead

    def __torch_dispatch__(
        self, step: Any, types: Any, given: tuple[Any, ...] = (), keywords: Any = None
    ) -> Any:
        name = step.overloadpacket.__name__
        in_place = name.endswith("_") and not name.endswith("__")
        name = name.rstrip("_") if in_place else name
        # What it is given may be overwritten by the step itself.
        before = _copied(given) if in_place and self._index == len(self.seen) else given
        result = step(*given, **(keywords or {}))
        if not _like_one_of(result, given, name):
            return result
        index = len(self.seen)
        self.seen.append((name, result.numel()))
        if index != self._index or self._instead is None:
            return result
        wanted = self._instead(*before)
        return result.copy_(wanted) if in_place else wanted.to(result.dtype).clone()


def _copied(given: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(one.clone() if isinstance(one, torch.Tensor) else one for one in given)


def _like_one_of(result: Any, given: Sequence[Any], name: str) -> bool:
    if name in _AS_THEY_ARE or not isinstance(result, torch.Tensor) or not given:
        return False
    first = given[1] if name == "where" and len(given) == 3 else given[0]
    return (
        isinstance(first, torch.Tensor)
        and result.is_floating_point()
        and first.shape == result.shape
        and first.dtype is result.dtype
    )
