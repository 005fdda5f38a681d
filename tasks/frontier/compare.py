"""Paired tests of arms at the same budget: units are compared with themselves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from tasks.adapt.units import BASE_ARM
from tasks.frontier.study import Arm, is_placebo
from tasks.statistics import (
    DIFFERENCE,
    Difference,
    PairedDifference,
    holm,
    mcnemar_exact,
    paired_difference,
    problems_needed,
    wilcoxon_signed_rank,
)
from tasks.statistics.arrays import Floats, Ints
from tasks.strategies.verdict import SURE

Endpoint = Literal["fast_1", "delivered_speedup"]
ENDPOINTS: tuple[Endpoint, ...] = ("fast_1", "delivered_speedup")

FEWEST_UNITS = 6
"""With fewer, no sign-flip test of two arms can reach 5 %: 2 · ½⁵ = 6 %."""

_SAME = 1e-9


@dataclass(frozen=True)
class Compared:
    """An arm minus another at one budget, in success or in the log of the delivered speedup.

    p_holm: adjusted over arms × budgets × both endpoints; NaN outside of that family.
    change: by unit.
    secondary: McNemar's test where both are 0 or 1 on every unit, else the sign test; of speedups
    Wilcoxon's. Labelled so, since they ask on how many units, and not by how much.
    """

    endpoint: Endpoint
    budget: int
    seen: PairedDifference
    p_holm: float
    change: Floats
    plain: bool
    """Whether both are 0 or 1 on every unit."""

    @cached_property
    def secondary(self) -> tuple[str, Difference]:
        """The name of another test, and what it says."""
        if self.endpoint == "delivered_speedup":
            return "wilcoxon", wilcoxon_signed_rank(self.change)
        # The sign test is the same binomial, of units on which one is ahead by however little.
        exact = mcnemar_exact(int((self.change > 0).sum()), int((self.change < 0).sum()))
        return ("mcnemar" if self.plain else "sign"), exact

    @cached_property
    def needed(self) -> int | None:
        """Units with which so large a difference would be settled in four studies of five."""
        return problems_needed(self.change, self.change**2)

    @property
    def offered(self) -> bool:
        """Whether so many units can be tested at all."""
        return self.seen.problems >= FEWEST_UNITS


def compare(arm: Arm, other: Arm, budgets: Ints, endpoint: Endpoint, budget: int) -> Compared:
    """Both as runs of that budget would have been made, stage by stage. budgets: of the arms'
    tables, rollouts of one problem; `budget` is among them."""
    at = int(np.flatnonzero(budgets == budget)[0])
    a, b = (_values(one, endpoint)[:, at] for one in (arm, other))
    seen = paired_difference(a, b, bounds=DIFFERENCE if endpoint == "fast_1" else None)
    change = a - b
    change[np.abs(change) < _SAME] = 0.0
    if len(change) < FEWEST_UNITS:
        seen = seen.unsettled(tested=False)
    return Compared(
        endpoint=endpoint,
        budget=budget,
        seen=seen,
        p_holm=float("nan"),
        change=change,
        plain=bool(np.isin(np.round([a, b], 9), (0.0, 1.0)).all()),
    )


def _values(arm: Arm, endpoint: Endpoint) -> Floats:
    return arm.staged_success if endpoint == "fast_1" else arm.staged_gain


def family(
    arms: Mapping[str, Arm], budgets: Ints, tested_at: Sequence[int]
) -> dict[str, list[Compared]]:
    """Every trained arm against the base arm, at the budgets named beforehand, in both endpoints.

    Placebos are no part of the family that p is adjusted over: nothing is claimed of them.
    """
    found = {name: against(arms, BASE_ARM, name, budgets, tested_at) for name in arms}
    del found[BASE_ARM]
    tested = [(name, i) for name in found for i in range(len(found[name])) if not is_placebo(name)]
    adjusted = holm([found[name][i].seen.p for name, i in tested])
    for (name, i), p in zip(tested, adjusted.tolist(), strict=True):
        one = found[name][i]
        seen = one.seen if p < SURE else one.seen.unsettled(tested=True)
        found[name][i] = replace(one, p_holm=p, seen=seen)
    return found


def against(
    arms: Mapping[str, Arm], other: str, name: str, budgets: Ints, tested_at: Sequence[int]
) -> list[Compared]:
    """One arm against another, budget by budget."""
    return [
        compare(arms[name], arms[other], budgets, endpoint, budget)
        for budget in tested_at
        for endpoint in ENDPOINTS
    ]


def against_placebos(
    arms: Mapping[str, Arm], budgets: Ints, tested_at: Sequence[int]
) -> dict[str, dict[str, list[Compared]]]:
    """Every contender against every placebo, in the order of `family`."""
    placebos = [name for name in arms if is_placebo(name)]
    return {
        name: {one: against(arms, one, name, budgets, tested_at) for one in placebos}
        for name in arms
        if name != BASE_ARM and not is_placebo(name)
    }


def settled(one: Compared) -> bool:
    """Whether the difference is one, with the choice among arms and budgets paid for."""
    return one.offered and not math.isnan(one.p_holm) and one.p_holm < SURE
