"""All strategies on all problems: the table that documents, selections and tests start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.errors import RequestError
from tasks.statistics import found_within, pass_at_k, spent_within
from tasks.statistics.arrays import Bools, Floats
from tasks.strategies.base import Applicability, Draws, Score, Strategy
from tasks.strategies.curve import before_judging, curves, effort

MEASURES = ("fast_1", "success", "speedup_mean", "log_speedup_mean")
"""What is stored of every strategy at every k (see `Curve`)."""

COSTS = ("fast_1_at_most", "flagged", "evaluations", "judge_seconds")
"""Computed along with them."""


@dataclass(frozen=True, eq=False)
class Study:
    """Per-problem values, runs (seeds) averaged: the problem is the unit of everything after this.

    A run with fewer than k draws of a problem leaves that problem to the other runs, so that points
    of a curve are of the same runs only where all have as many draws: see `reach`.
    """

    ks: tuple[int, ...]
    strategies: tuple[Strategy, ...]
    problems: tuple[tuple[str, int, int], ...]
    values: dict[str, dict[str, Floats]]
    """Measure → strategy name → (problems, len(ks)); NaN where no run defines it."""
    pass_at_k: Floats
    """(problems, len(ks))"""
    fast_1_at_k: Floats
    """(problems, len(ks)): P(some draw of k is fast_1), the ceiling of every strategy."""
    fast_1_at_k_at_most: Floats
    """The same, were every unsettled kernel faster than the reference."""
    logprob_std: Floats
    """(problems,)"""
    applicability: dict[str, list[Applicability]]
    """Strategy name → per problem; the least applicable of the runs."""
    spent_ks: tuple[int, ...]
    """Numbers of draws judged, of all that a problem has."""
    spent: dict[str, Floats]
    """Strategy name → (problems, len(spent_ks)): P(a fast_1 draw is among the first e by score),
    all draws ranked before any is judged. Not for strategies that need the timing to rank."""
    spent_seconds: dict[str, Floats]
    """The same shape: E[seconds of judging those e]; NaN where they were not recorded."""
    completion_tokens: Floats
    """(problems,): mean tokens of a draw; NaN where unknown."""

    @property
    def deepest(self) -> int:
        """The largest budget that as many problems have as have any."""
        defined = (~np.isnan(self.pass_at_k)).sum(axis=0)
        reached = zip(self.ks, defined, strict=True)
        return max((k for k, count in reached if count == defined.max()), default=1)


def default_ks(most: int) -> tuple[int, ...]:
    """1, 2, 4, … up to `most`."""
    return tuple(2**i for i in range(most.bit_length()))


def check_ks(ks: Sequence[int] | None, most: int) -> tuple[int, ...]:
    """The budgets asked for, ascending, or the default. Raises RequestError for one below 1."""
    if ks is None:
        return default_ks(most)
    if not ks or min(ks) < 1:
        raise RequestError(f"k must be at least 1, got {list(ks)}; try --k 1,2,4,8")
    return tuple(sorted(set(ks)))


def study(
    draws: Sequence[Draws], ks: Sequence[int] | None, strategies: Sequence[Strategy]
) -> Study:
    """Evaluate every strategy on every problem of every run. Raises RequestError for k < 1."""
    budgets = check_ks(ks, max((one.n for one in draws), default=0))
    problems = tuple(sorted({one.problem for one in draws}))
    row = {problem: i for i, problem in enumerate(problems)}
    rows = np.array([row[one.problem] for one in draws], np.int64)

    by_problem = np.argsort(rows, kind="stable")
    starts = np.searchsorted(rows[by_problem], np.arange(len(problems)))

    def averaged(values: Sequence[Floats], shape: tuple[int, ...] = (len(budgets),)) -> Floats:
        if not values:
            return np.empty((0, *shape))
        stacked = np.stack(values)[by_problem]
        known = ~np.isnan(stacked)
        count = np.add.reduceat(known, starts, axis=0, dtype=np.float64)
        total = np.add.reduceat(np.where(known, stacked, 0.0), starts, axis=0)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    values: dict[str, dict[str, Floats]] = {measure: {} for measure in (*MEASURES, *COSTS)}
    applicability: dict[str, list[Applicability]] = {}
    spent: dict[str, Floats] = {}
    spent_seconds: dict[str, Floats] = {}
    spent_ks = default_ks(max((one.n for one in draws), default=0))
    passed = _passes(draws, [one.correct for one in draws], budgets)
    orders: dict[tuple[Score, bool], _Order] = {}
    for strategy in strategies:
        ranked_by = strategy.score, strategy.after_timing
        if ranked_by not in orders:
            orders[ranked_by] = _order(strategy, draws, spent_ks)
        order = orders[ranked_by]
        found = curves(strategy, draws, budgets, passed, order.efforts)
        for measure in values:
            values[measure][strategy.name] = averaged([getattr(c, measure) for c in found])
        worst = [Applicability.APPLICABLE] * len(problems)
        for i, one in zip(rows, found, strict=True):
            if one.applicability is not Applicability.APPLICABLE:
                worst[i] = one.applicability
        applicability[strategy.name] = worst
        if not strategy.after_timing:
            spent[strategy.name] = averaged(order.found, (len(spent_ks),))
            spent_seconds[strategy.name] = averaged(order.seconds, (len(spent_ks),))
    return Study(
        ks=budgets,
        strategies=tuple(strategies),
        problems=problems,
        values=values,
        pass_at_k=averaged(passed),
        fast_1_at_k=averaged(_passes(draws, [one.fast_1 for one in draws], budgets)),
        fast_1_at_k_at_most=averaged(_passes(draws, [one.fast_at_most for one in draws], budgets)),
        logprob_std=averaged([np.array(one.logprob_std) for one in draws], ()),
        applicability=applicability,
        spent_ks=spent_ks,
        spent=spent,
        spent_seconds=spent_seconds,
        completion_tokens=averaged([np.array(_mean(one.n_tokens)) for one in draws], ()),
    )


def _passes(draws: Sequence[Draws], hits: Sequence[Bools], ks: tuple[int, ...]) -> list[Floats]:
    """pass@k of each, and no lower at a larger k, down to the last digit."""
    n = np.array([one.n for one in draws], np.int64)[:, None]
    c = np.array([one.sum() for one in hits], np.int64)[:, None]
    return list(np.maximum.accumulate(pass_at_k(n, c, np.array(ks)), axis=1)) if len(n) else []


@dataclass(frozen=True, eq=False)
class _Order:
    """What follows from a score alone, by run and problem, whatever is done with its best."""

    efforts: list[Floats]
    found: list[Floats]
    seconds: list[Floats]


def _order(strategy: Strategy, draws: Sequence[Draws], evaluations: tuple[int, ...]) -> _Order:
    efforts = [effort(strategy, one) for one in draws]
    if strategy.after_timing:
        return _Order(efforts, [], [])
    ranked = [before_judging(strategy, one) for one in draws]
    pairs = list(zip(ranked, draws, strict=True))
    return _Order(
        efforts,
        [found_within(scores, one.fast_1, evaluations) for scores, one in pairs],
        [spent_within(scores, _seconds(one), evaluations) for scores, one in pairs],
    )


def _seconds(draws: Draws) -> Floats:
    return np.full(draws.n, np.nan) if draws.judge_seconds is None else draws.judge_seconds


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
