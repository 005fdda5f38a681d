"""The document of `bon strategies`, as the report reads it: curves without undefined points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tasks.report.curves import Curve, Interval
from tasks.strategies import LEAST_SPREAD
from tasks.strategies.document import (
    AssociationOut,
    EquivalentSamples,
    Estimate,
    PairedComparison,
    StrategiesDocument,
)


@dataclass(frozen=True, slots=True)
class Cost:
    """Per problem; None where not recorded."""

    evaluations: float | None
    judge_seconds: float | None
    tokens: float | None


@dataclass(frozen=True, slots=True)
class Strategy:
    """One strategy's curves over k."""

    fast_1: Curve
    fast_1_at_most: Mapping[int, float]
    """By k: its mean, were every unsettled kernel faster than the reference."""
    speedup_geomean: Curve
    speedup_mean: Curve
    top: int
    """Kernels that it times before it takes the fastest; 1 means that it times none."""
    applicable: int
    """Problems where its scores say something."""
    costs: Mapping[int, Cost]
    """By k: what one pick costs when the score ranks first and judging stops at the `top`-th
    correct draw."""
    spent: Curve
    """P(a fast draw is among the first e by score), by e; empty for the oracle."""
    spent_seconds: Mapping[int, float]
    """Seconds of judging those e, where recorded."""
    flagged: Mapping[int, float]
    """By k: P(the pick is correct and carries a warning of the judge)."""
    saturation_k: int | None
    equivalent: EquivalentSamples | None


@dataclass(frozen=True, slots=True)
class Statistics:
    """Curves and paired comparisons over the problems of the runs."""

    problems: int
    """Those that are compared."""
    deepest: int
    """K: the deepest k at which strategies are compared; no curve goes beyond it."""
    most: int
    """The largest k of any problem."""
    strategies: Mapping[str, Strategy]
    pass_at_k: Curve
    fast_1_at_k: Curve
    fast_1_at_k_at_most: Mapping[int, float]
    comparisons: Sequence[PairedComparison]
    least_spread: float
    association: AssociationOut | None = None
    fast_1_gain: Curve = field(default_factory=dict)
    """What each k adds to the best of the k before it."""

    def at(self, strategy: str, k: int) -> Interval | None:
        """fast_1@k of a strategy, None where undefined."""
        known = self.strategies.get(strategy)
        return known.fast_1.get(k) if known else None

    def shared(self, strategy: str) -> Curve:
        """Its fast_1@k up to K, where every point is over the same problems."""
        known = self.strategies.get(strategy)
        return {k: end for k, end in known.fast_1.items() if k <= self.deepest} if known else {}

    def compare(self, a: str, b: str) -> PairedComparison | None:
        """The paired comparison of a with b, if the document makes one."""
        return next((one for one in self.comparisons if (one.a, one.b) == (a, b)), None)


NOTHING = Statistics(0, 1, 1, {}, {}, {}, {}, (), LEAST_SPREAD)
"""Of runs without a verdict."""


def statistics_of(document: StrategiesDocument) -> Statistics:
    """The document without what is undefined; `NOTHING` while no draw has a verdict."""
    if not document.samples:
        return NOTHING
    counts = {k: at.problems for curve in document.strategies.values() for k, at in curve.k.items()}
    return Statistics(
        problems=document.compared.problems or document.problems,
        deepest=max((k for k in counts if counts[k] == max(counts.values())), default=1),
        most=max(counts, default=1),
        strategies={
            name: Strategy(
                fast_1=_curve({k: at.fast_1 for k, at in curve.k.items()}),
                fast_1_at_most=_known({k: at.fast_1_at_most for k, at in curve.k.items()}),
                speedup_geomean=_curve({k: at.speedup_geomean for k, at in curve.k.items()}),
                speedup_mean=_curve({k: at.speedup_mean for k, at in curve.k.items()}),
                top=curve.top,
                applicable=curve.applicable,
                costs={
                    k: Cost(at.evaluations, at.judge_seconds, at.tokens)
                    for k, at in curve.k.items()
                },
                spent=_curve(curve.spent),
                spent_seconds=_known(curve.spent_seconds),
                flagged=_known({k: at.flagged for k, at in curve.k.items()}),
                saturation_k=curve.saturation_k,
                equivalent=curve.equivalent_k,
            )
            for name, curve in document.strategies.items()
        },
        pass_at_k=_curve(document.pass_at_k),
        fast_1_at_k=_curve(document.fast_1_at_k),
        fast_1_at_k_at_most=_known(document.fast_1_at_k_at_most),
        comparisons=document.comparisons,
        least_spread=document.least_spread,
        association=document.association,
        fast_1_gain=_curve(document.fast_1_gain),
    )


def interval(estimate: Estimate) -> Interval | None:
    """None where undefined."""
    if estimate.mean is None:
        return None
    return Interval(estimate.mean, estimate.low, estimate.high)


def _curve(estimates: Mapping[int, Estimate]) -> Curve:
    return {k: end for k, one in estimates.items() if (end := interval(one)) is not None}


def _known(values: Mapping[int, float | None]) -> dict[int, float]:
    return {at: value for at, value in values.items() if value is not None}
