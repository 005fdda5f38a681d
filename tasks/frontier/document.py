"""The comparison as plain data: what `bon frontier --json` prints. Undefined is null."""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict

from tasks.statistics.bootstrap import Estimate


class Plain(BaseModel):
    model_config = ConfigDict(frozen=True)


class Interval(Plain):
    """A mean over units with its 95 % interval; null where undefined."""

    mean: float | None
    low: float | None
    high: float | None


class Boa(Plain):
    """Best of Adaptation (tasks.adapt.best_of_adaptation), null where undefined.

    fresh: on draws made for it alone, outside of the budget; null without them. null: what `naive`
    reads of an arm that learns nothing, and where 95 % of such arms lie.
    """

    naive: float | None
    cross_fitted: float | None
    fresh: float | None = None
    why_not_fresh: str | None = None
    null: Interval


class EquivalentDraws(Plain):
    """Draws of one problem with which Best-of-N does as well. censored: "below" or "above" where
    that lies outside of what was drawn, and the number is then the end of the curve."""

    mean: float | None
    low: float | None
    high: float | None
    censored: str | None
    low_censored: str | None = None
    high_censored: str | None = None


class Secondary(Plain):
    """A test that is not the one that decides. pairs: units that differ."""

    test: str
    pairs: int
    p: float | None


class Comparison(Plain):
    """An arm against another at the same rollouts, paired by unit.

    difference: of shares (fast_1), or a ratio of geometric means (delivered_speedup).
    p_holm: adjusted over the family; null outside of it. units_needed: for a difference of this
    size, in four studies of five. units_needed_at_least: were it the largest that its interval
    holds.
    """

    against: str
    endpoint: str
    rollouts_per_problem: int
    difference: Interval
    p: float | None
    p_holm: float | None
    units: int
    informative: int
    units_needed: int | None
    units_needed_at_least: int | None
    secondary: Secondary


class Price(Plain):
    """What the arm pays to get further than Best-of-N does with its whole budget (or as far, where
    it ends level), over what that costs, from the cheapest to the dearest corner of the box of
    prices; null if it never gets there. break_even: by kind, the price at which both cost the same,
    all else in the middle of the box."""

    wins: str
    low: float | None
    high: float | None
    break_even: dict[str, float]


class Curve(Plain):
    """By rollouts of one problem. cost: over all problems, by kind, and `price` in the currency at
    the middle of the box. `flops` is there only where the model's parameters are known."""

    rollouts_per_problem: list[int]
    fast_1: list[Interval]
    delivered_speedup: list[Interval]
    cost: dict[str, list[float]]


class Split(Plain):
    """ "s steps, then search": a budget for what the steps learn from and all draws under the last
    checkpoint, beside Best-of-N with as many."""

    steps: int
    rollouts_per_problem: int
    fast_1: Interval
    best_of_n: Interval


class ArmFrontier(Plain):
    """One arm, by everything that it drew, the shared first stage included."""

    arm: str
    budget: int
    """Rollouts that it was given, over all problems."""
    rollouts: int
    """Those that it drew, with a verdict: fewer where units ended early."""
    fast_1: Interval
    """P(some draw is surely faster than the reference), the mean over units."""
    delivered_speedup: Interval
    """Geometric mean of max(1, the fastest correct draw)."""
    boa: Boa
    equivalent_k: EquivalentDraws
    comparisons: list[Comparison]
    price: dict[str, Price] | None
    """By endpoint; null of the base arm."""
    curve: Curve
    splits: list[Split]
    """With a tail only. They describe: the best of them is a maximum of noise."""
    finding: str | None
    """See tasks.frontier.verdict; null of the base arm."""
    verdict: str


class GuardAnswer(Plain):
    """passed: null where there was nothing to look at."""

    passed: bool | None
    detail: str


class PriceBox(Plain):
    currency: str
    low: dict[str, float]
    high: dict[str, float]


class FrontierDocument(Plain):
    """All arms of a study."""

    runs: list[str]
    unit: str
    units: int
    problems: int
    group: int
    steps: int
    tested_at: list[int]
    """Rollouts of one problem at which arms are tested, named beforehand."""
    family: int
    """Comparisons that Holm's adjustment is over."""
    guards: dict[str, GuardAnswer]
    prices: PriceBox
    arms: dict[str, ArmFrontier]
    placebos: list[str]
    verdict: str


def known(value: float) -> float | None:
    """NaN and infinity are null."""
    return value if math.isfinite(value) else None


def interval(one: Estimate) -> Interval:
    """As plain data."""
    return Interval(mean=known(one.mean), low=known(one.low), high=known(one.high))
