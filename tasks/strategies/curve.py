"""strategy@K, exactly: first what does not depend on k, problem by problem, then all k at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tasks.statistics import (
    RankValues,
    effort_by_correct,
    expected_at,
    expected_effort,
    rank_values,
)
from tasks.statistics import pass_at_k as exact_pass_at_k
from tasks.statistics.arrays import Floats, Ints
from tasks.strategies.base import Applicability, Draws, Strategy


@dataclass(frozen=True, eq=False)
class Curve:
    """What the strategy's pick is worth at every k; arrays of shape (len(ks),), NaN for k > n."""

    applicability: Applicability
    success: Floats
    """P(the pick is correct) = pass@k, whatever the strategy."""
    fast_1: Floats
    """P(the pick is fast_1); no correct draw counts as failure."""
    fast_1_at_most: Floats
    """The same, were every unsettled kernel faster than the reference."""
    speedup_mean: Floats
    """E[speedup of the pick], no correct draw counting 0. NaN, as the next one, where a correct
    draw has no time: which strategies pick it must not decide which problems count."""
    log_speedup_mean: Floats
    """E[log speedup | there is a pick]; NaN where no draw is correct."""
    flagged: Floats
    """P(the pick is correct and carries a warning of the judge)."""
    evaluations: Floats
    """E[draws judged] when the score ranks the k first and judging stops at the `top`-th correct
    one, which makes the same pick. k where the score itself needs the timing."""
    judge_seconds: Floats
    """E[seconds of judging] of the same; NaN where they were not recorded."""
    pick: int | None
    """Sample index of the pick among all n draws; tied scores yield to the earlier draw."""


@dataclass(frozen=True, eq=False)
class Ranked:
    """A strategy on one problem, free of k."""

    applicability: Applicability
    values: RankValues
    """Rows: fast_1, fast_1_at_most, flagged, speedup, log speedup."""
    timed: bool
    """Whether all correct draws have a speedup."""
    pick: int | None


def curve(strategy: Strategy, draws: Draws, ks: Sequence[int]) -> Curve:
    """The strategy over all k-subsets of one problem's draws; `ks` ascending."""
    success = exact_pass_at_k(draws.n, draws.correct.sum(), ks)
    return curves(strategy, [draws], ks, [success], [effort(strategy, draws)])[0]


def curves(
    strategy: Strategy,
    problems: Sequence[Draws],
    ks: Sequence[int],
    successes: Sequence[Floats],
    efforts: Sequence[Floats],
) -> list[Curve]:
    """The same for many problems; those with as many draws share one matrix product.

    `successes` (pass@k) and `efforts` (`effort`) by problem: strategies share them, so that a study
    works them out once.
    """
    ranked = [rank(strategy, draws) for draws in problems]
    values = expected_at([one.values for one in ranked], ks)
    costs = expected_effort(efforts, [one.n for one in problems], ks, top=strategy.top)
    found = [
        _curve(one, np.asarray(ks), *by_k)
        for one, *by_k in zip(ranked, successes, values, costs, strict=True)
    ]
    if strategy.ceiling:
        return [_ceiling(one, draws, ks) for one, draws in zip(found, problems, strict=True)]
    return found


def rank(strategy: Strategy, draws: Draws) -> Ranked:
    """Score, order and value the problem's draws."""
    scores, applicability = strategy.scores(draws)
    speedup = draws.speedup[draws.correct]
    timed = ~np.isnan(speedup)
    rows = [
        draws.fast_1[draws.correct],
        draws.fast_at_most[draws.correct],
        np.zeros(len(speedup)) if draws.flagged is None else draws.flagged[draws.correct],
        np.where(timed, speedup, 0.0),
        np.log(np.where(timed, speedup, 1.0)),
    ]
    values = np.stack([np.asarray(row, np.float64) for row in rows])
    return Ranked(
        applicability,
        rank_values(values, scores, speedup, draws.n, top=strategy.top),
        bool(timed.all()),
        _pick(scores, speedup, strategy.top, draws),
    )


def effort(strategy: Strategy, draws: Draws) -> Floats:
    """`effort_by_correct` of ones and of judge seconds; depends on the score, not on `top`."""
    seconds = np.full(draws.n, np.nan) if draws.judge_seconds is None else draws.judge_seconds
    costs = np.stack([np.ones(draws.n), seconds])
    if strategy.after_timing:
        # Everything is judged: no draw has m correct ones before it.
        everything = np.zeros((2, int(draws.correct.sum()) + 1))
        everything[:, 0] = costs.sum(axis=1)
        return everything
    return effort_by_correct(costs, before_judging(strategy, draws), draws.correct)


def before_judging(strategy: Strategy, draws: Draws) -> Floats:
    """Scores by which all draws are ranked first; all alike where one has none: it abstains."""
    scores = strategy.all_scores(draws)
    return np.zeros(draws.n) if np.isnan(scores).any() else scores


def _curve(one: Ranked, ks: Ints, success: Floats, values: Floats, costs: Floats) -> Curve:
    fast_1, fast_1_at_most, flagged, speedup, log_speedup = values
    if not one.timed:
        speedup, log_speedup = np.full((2, len(ks)), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        log_speedup = log_speedup / np.where(success > 0, success, np.nan)
    return Curve(
        applicability=one.applicability,
        success=success,
        # Sums of probabilities may round to a hair above their bound.
        fast_1=np.minimum(fast_1, success),
        fast_1_at_most=np.minimum(fast_1_at_most, success),
        speedup_mean=speedup,
        log_speedup_mean=log_speedup,
        flagged=np.minimum(flagged, success),
        evaluations=np.minimum(costs[0], ks),
        judge_seconds=costs[1],
        pick=one.pick,
    )


def _ceiling(one: Curve, draws: Draws, ks: Sequence[int]) -> Curve:
    """The best of k in each measure, and no lower at a larger k, down to the last digit."""
    fast, at_most = (
        np.maximum.accumulate(exact_pass_at_k(draws.n, hits.sum(), ks))
        for hits in (draws.fast_1, draws.fast_at_most)
    )
    return replace(
        one,
        fast_1=fast,
        fast_1_at_most=at_most,
        speedup_mean=np.maximum.accumulate(one.speedup_mean),
        log_speedup_mean=np.maximum.accumulate(one.log_speedup_mean),
    )


def _pick(scores: Floats, speedup: Floats, top: int, draws: Draws) -> int | None:
    if not len(scores):
        return None
    kept = np.argsort(-scores, kind="stable")[:top] if top > 1 else [scores.argmax()]
    # Draws are exchangeable: the first of equals is as good a random choice as any.
    fastest = kept[np.argmax(np.where(np.isnan(speedup[kept]), -np.inf, speedup[kept]))]
    return int(draws.sample_index[draws.correct][fastest])
