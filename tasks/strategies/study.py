"""All strategies on all problems: the table that documents, selections and tests start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from tasks.errors import RequestError
from tasks.statistics import found_within, spent_within
from tasks.statistics.arrays import Floats, Ints
from tasks.strategies.base import Applicability, Draws, Score, Strategy
from tasks.strategies.batch import batches
from tasks.strategies.curve import Order, Passes, curves, effort, order, passes, price

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
    draws: tuple[Draws, ...]
    """Of every run and problem, what all this was made of."""
    rows: Ints
    """(len(draws),): of each, its problem's place in `problems`."""

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
    chosen = tuple(strategies)
    spent_ks = default_ks(max((one.n for one in draws), default=0))
    held: dict[tuple[str, str], Floats] = {}
    worth = {one.name: [Applicability.APPLICABLE] * len(problems) for one in chosen}

    def put(what: str, name: str, at: Ints, found: Floats) -> None:
        kept = held.get((what, name))
        if kept is None:
            kept = held[what, name] = np.full((len(draws), found.shape[1]), np.nan)
        kept[at] = found

    def averaged(what: str, name: str = "", width: int = len(budgets)) -> Floats:
        """Over the runs of each problem, those that define it."""
        if (what, name) not in held:
            return np.empty((0, width))
        stacked = held.pop((what, name))[by_problem]
        known = ~np.isnan(stacked)
        count = np.add.reduceat(known, starts, axis=0, dtype=np.float64)
        total = np.add.reduceat(np.where(known, stacked, 0.0), starts, axis=0)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    for at, given in batches(draws):
        passed = passes(given, budgets)
        for field in fields(Passes):
            put(field.name, "", at, getattr(passed, field.name))
        put("spread", "", at, given.spread[:, None])
        put("tokens", "", at, given.tokens[:, None])
        orders: dict[tuple[Score, bool], tuple[Order, Floats]] = {}
        for one in chosen:
            ranked_by = one.score, one.after_timing
            if ranked_by not in orders:
                ordered = order(one, given)
                orders[ranked_by] = ordered, effort(one, given, ordered)
            ordered, its_effort = orders[ranked_by]
            found = curves(one, given, budgets, passed, ordered)
            cost = price(one, its_effort, budgets)
            for measure in (*MEASURES, *COSTS):
                source = cost if hasattr(cost, measure) else found
                put(measure, one.name, at, getattr(source, measure))
            for i, its in zip(rows[at].tolist(), found.applicability, strict=True):
                if its is not Applicability.APPLICABLE:  # of several runs the least applicable
                    worth[one.name][i] = its
            if not one.after_timing:
                costs = given.judge_seconds
                put("found", one.name, at, found_within(ordered.scores, given.fast_1, spent_ks))
                put("seconds", one.name, at, spent_within(ordered.scores, costs, spent_ks))
    early = [one.name for one in chosen if not one.after_timing]
    return Study(
        ks=budgets,
        strategies=chosen,
        problems=problems,
        values={
            measure: {one.name: averaged(measure, one.name) for one in chosen}
            for measure in (*MEASURES, *COSTS)
        },
        pass_at_k=averaged("correct"),
        fast_1_at_k=averaged("fast_1"),
        fast_1_at_k_at_most=averaged("fast_1_at_most"),
        logprob_std=averaged("spread", width=1)[:, 0],
        applicability=worth,
        spent_ks=spent_ks,
        spent={name: averaged("found", name, len(spent_ks)) for name in early},
        spent_seconds={name: averaged("seconds", name, len(spent_ks)) for name in early},
        completion_tokens=averaged("tokens", width=1)[:, 0],
        draws=tuple(draws),
        rows=rows,
    )
