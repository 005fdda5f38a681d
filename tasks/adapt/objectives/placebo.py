"""Objective `placebo[:OBJECTIVE]`: the same advantages, dealt out at random. The control that every
claim of an arm is held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tasks.adapt.group import Group
from tasks.adapt.objectives.base import Parts, parse_objective, register_objective_family
from tasks.errors import RequestError
from tasks.statistics.arrays import Floats


@register_objective_family("placebo", "placebo[:OBJECTIVE]")
def placebo(argument: str) -> Parts:
    """OBJECTIVE is whose advantages are permuted, `centred` by default."""
    inner = parse_objective(argument or "centred")
    if inner.parts.tokens is not None:
        raise RequestError(
            f"objective 'placebo:{argument}': only advantages of draws can be permuted, and those "
            "of self-distillation belong to tokens"
        )

    def rule(groups: Sequence[Group]) -> list[Floats]:
        """Each group's advantages in an order that its seed decides: as large, as many and with the
        same sum, but not of the draws that earned them."""
        dealt = zip(inner.advantages(groups), groups, strict=True)
        return [one[permutation(group.seed, group.n)] for one, group in dealt]

    return replace(inner.parts, draws=None, batch=rule)


def permutation(seed: int, n: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """A uniform permutation of 0 … n−1, the same for the same seed."""
    return np.random.Generator(np.random.Philox(seed)).permutation(n).astype(np.int64)
