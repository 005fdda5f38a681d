"""The document of `bon strategies`, as the report reads it: curves without undefined points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from storage import Lake
from tasks.report.curves import Curve, Interval
from tasks.strategies import LEAST_SPREAD
from tasks.strategies.document import (
    Estimate,
    PairedComparison,
    StrategiesDocument,
    strategies_document,
)


@dataclass(frozen=True, slots=True)
class Strategy:
    """One strategy's curves over k."""

    fast_1: Curve
    speedup_geomean: Curve
    speedup_mean: Curve
    top: int
    """Kernels that it times before it takes the fastest; 1 means that it times none."""
    applicable: int
    """Problems where its scores say something."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Curves and paired comparisons over the problems of the runs."""

    problems: int
    deepest: int
    """K: the largest k that as many problems reach as k = 1; strategies are compared there."""
    most: int
    """The largest k of any problem, beyond which curves are over other problems than before."""
    strategies: Mapping[str, Strategy]
    pass_at_k: Curve
    fast_1_at_k: Curve
    comparisons: Sequence[PairedComparison]
    least_spread: float

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


NOTHING = Statistics(0, 1, 1, {}, {}, {}, (), LEAST_SPREAD)
"""Of runs without a verdict."""


def statistics_of(lake: Lake, run_ids: Sequence[str]) -> Statistics:
    """The statistics of these runs; `NOTHING` while no draw has a verdict.

    Raises storage's RunUnknownError.
    """
    lake.check_runs(run_ids)
    judged = "SELECT 1 FROM evaluations_latest WHERE status <> 'harness_error' LIMIT 1"
    if not len(lake.sql(judged, run_ids)):
        return NOTHING
    return from_document(strategies_document(lake, run_ids))


def from_document(document: StrategiesDocument) -> Statistics:
    """Pure: the document without what is undefined."""
    counts = {k: at.problems for curve in document.strategies.values() for k, at in curve.k.items()}
    return Statistics(
        problems=document.problems,
        deepest=max((k for k in counts if counts[k] == max(counts.values())), default=1),
        most=max(counts, default=1),
        strategies={
            name: Strategy(
                fast_1=_curve({k: at.fast_1 for k, at in curve.k.items()}),
                speedup_geomean=_curve({k: at.speedup_geomean for k, at in curve.k.items()}),
                speedup_mean=_curve({k: at.speedup_mean for k, at in curve.k.items()}),
                top=curve.top,
                applicable=curve.applicable,
            )
            for name, curve in document.strategies.items()
        },
        pass_at_k=_curve(document.pass_at_k),
        fast_1_at_k=_curve(document.fast_1_at_k),
        comparisons=document.comparisons,
        least_spread=document.least_spread,
    )


def interval(estimate: Estimate) -> Interval | None:
    """None where undefined."""
    if estimate.mean is None:
        return None
    return Interval(estimate.mean, estimate.low, estimate.high)


def _curve(estimates: Mapping[int, Estimate]) -> Curve:
    return {k: end for k, one in estimates.items() if (end := interval(one)) is not None}
