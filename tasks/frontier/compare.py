"""Paired tests of arms at the same budget: units are compared with themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tasks.frontier.study import Arm, Study
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
from tasks.statistics.arrays import Floats

Endpoint = Literal["fast_1", "delivered_speedup"]
ENDPOINTS: tuple[Endpoint, ...] = ("fast_1", "delivered_speedup")

FEWEST_UNITS = 6
"""With fewer, no sign-flip test of two arms can reach 5 %: 2 · ½⁵ = 6 %."""

_SAME = 1e-9


@dataclass(frozen=True)
class Compared:
    """An arm minus another at one budget, in success or in the log of the delivered speedup.

    p_holm: adjusted over arms × budgets × both endpoints; NaN outside of that family.
    needed: units with which so large a difference would be settled in four studies of five.
    secondary: McNemar's test where both are 0 or 1 on every unit, else the sign test; of speedups
    Wilcoxon's. Labelled so, since they ask on how many units, and not by how much.
    """

    endpoint: Endpoint
    budget: int
    seen: PairedDifference
    p_holm: float
    needed: int | None
    secondary_name: str
    secondary: Difference

    @property
    def offered(self) -> bool:
        """Whether so many units can be tested at all."""
        return self.seen.problems >= FEWEST_UNITS


def compare(arm: Arm, other: Arm, study: Study, endpoint: Endpoint, budget: int) -> Compared:
    """Both as runs of that budget would have been made, stage by stage."""
    at = int(np.flatnonzero(study.budgets == budget)[0])
    a, b = (_values(one, endpoint)[:, at] for one in (arm, other))
    seen = paired_difference(a, b, bounds=DIFFERENCE if endpoint == "fast_1" else None)
    change = a - b
    change[np.abs(change) < _SAME] = 0.0
    name, second = _secondary(a, b, endpoint)
    if len(change) < FEWEST_UNITS:
        # No test, and no p that could be taken for one; the interval still describes.
        nan = float("nan")
        seen = replace(seen, p=nan, p_greater=nan, p_less=nan)
        second = replace(second, p=nan)
    return Compared(
        endpoint=endpoint,
        budget=budget,
        seen=seen,
        p_holm=float("nan"),
        needed=problems_needed(change, change**2),
        secondary_name=name,
        secondary=second,
    )


def _values(arm: Arm, endpoint: Endpoint) -> Floats:
    return arm.staged_success if endpoint == "fast_1" else arm.staged_gain


def _secondary(a: Floats, b: Floats, endpoint: Endpoint) -> tuple[str, Difference]:
    change = np.where(np.abs(a - b) < _SAME, 0.0, a - b)
    if endpoint == "delivered_speedup":
        return "wilcoxon", wilcoxon_signed_rank(change)
    plain = all(np.isin(np.round(one, 9), (0.0, 1.0)).all() for one in (a, b))
    # The sign test is the same binomial, of units on which one is ahead by however little.
    exact = mcnemar_exact(int((change > 0).sum()), int((change < 0).sum()))
    return ("mcnemar" if plain else "sign"), exact


def family(study: Study, base: str, budgets: Sequence[int]) -> dict[str, list[Compared]]:
    """Every contender against the base arm, at the budgets named beforehand, in both endpoints;
    placebos too, which are no part of the family: nothing is claimed of them."""
    arms = study.arms
    found = {
        name: [
            compare(arms[name], arms[base], study, endpoint, budget)
            for budget in budgets
            for endpoint in ENDPOINTS
        ]
        for name in study.trained
    }
    tested = [(name, i) for name in study.contenders for i in range(len(found[name]))]
    adjusted = holm([found[name][i].seen.p for name, i in tested])
    for (name, i), p in zip(tested, adjusted.tolist(), strict=True):
        found[name][i] = replace(found[name][i], p_holm=p)
    return found


def settled(one: Compared) -> bool:
    """Whether the difference is one, with the choice among arms and budgets paid for."""
    return one.offered and not math.isnan(one.p_holm) and one.p_holm < 0.05
