"""strategy@K, exactly: first what does not depend on k, then all k at once, for many problems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from tasks.statistics import (
    RankValues,
    effort_by_correct,
    expected_at,
    expected_effort,
    rank_values,
)
from tasks.statistics import pass_at_k as exact_pass_at_k
from tasks.statistics.arrays import Bools, Floats, Ints
from tasks.strategies.base import Applicability, Draws, Strategy
from tasks.strategies.batch import Batch, batch


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
class Curves:
    """The same of many problems, each array with one row a problem."""

    applicability: list[Applicability]
    success: Floats
    fast_1: Floats
    fast_1_at_most: Floats
    speedup_mean: Floats
    log_speedup_mean: Floats
    flagged: Floats
    picks: Ints
    """−1 where nothing is correct."""


@dataclass(frozen=True, eq=False)
class Price:
    """What the picks of many problems cost, one row a problem; see `Curve`."""

    evaluations: Floats
    judge_seconds: Floats


@dataclass(frozen=True, eq=False)
class Passes:
    """pass@k of a batch with "correct", "fast_1" and "fast_1 at most" as the success.

    Shapes (problems, len(ks)); none is lower at a larger k, down to the last digit.
    """

    correct: Floats
    fast_1: Floats
    fast_1_at_most: Floats


def passes(given: Batch, ks: Sequence[int]) -> Passes:
    """`ks` ascending."""

    def rising(hits: Bools) -> Floats:
        found = exact_pass_at_k(given.n, hits.sum(axis=1)[:, None], np.asarray(ks))
        return np.asarray(np.maximum.accumulate(found, axis=1), np.float64)

    return Passes(rising(given.correct), rising(given.fast_1), rising(given.fast_at_most))


@dataclass(frozen=True, eq=False)
class Order:
    """A score over a batch: what follows from it alone, whatever is done with its best."""

    scores: Floats
    """(problems, n), all alike where one draw has none."""
    missing: Bools


def order(strategy: Strategy, given: Batch) -> Order:
    """Score the draws."""
    return Order(*given.scores(strategy))


def effort(strategy: Strategy, given: Batch, ordered: Order) -> Floats:
    """`effort_by_correct` of ones and of judge seconds; depends on the score, not on `top`."""
    costs = np.stack([np.ones_like(given.judge_seconds), given.judge_seconds])
    if strategy.after_timing:
        # Everything is judged: no draw has m correct ones before it.
        everything = np.zeros((*costs.shape[:2], given.n + 1))
        everything[..., 0] = costs.sum(axis=2)
        return everything
    return effort_by_correct(costs, ordered.scores, given.correct)


def price(strategy: Strategy, its_effort: Floats, ks: Sequence[int]) -> Price:
    """What the strategy's picks cost at every k."""
    evaluations, judge_seconds = expected_effort(its_effort, ks, top=strategy.top)
    return Price(np.minimum(evaluations, np.asarray(ks)), judge_seconds)


def curve(strategy: Strategy, draws: Draws, ks: Sequence[int]) -> Curve:
    """The strategy over all k-subsets of one problem's draws; `ks` ascending."""
    given = batch([draws])
    ordered = order(strategy, given)
    found = curves(strategy, given, ks, passes(given, ks), ordered)
    cost = price(strategy, effort(strategy, given, ordered), ks)
    arrays = {
        field.name: getattr(one, field.name)[0]
        for one in (found, cost)
        for field in fields(one)
        if field.name not in ("applicability", "picks")
    }
    pick = int(found.picks[0])
    return Curve(applicability=found.applicability[0], pick=pick if pick >= 0 else None, **arrays)


def curves(
    strategy: Strategy, given: Batch, ks: Sequence[int], passed: Passes, ordered: Order
) -> Curves:
    """The strategy on every problem of a batch; `ks` ascending.

    `passed` and `ordered` belong to it: strategies share them, so that a study works them out once.
    """
    unpriced = np.isnan(given.speedup)
    speed = np.where(unpriced, 1.0, given.speedup)
    values = np.stack(
        [
            given.fast_1.astype(np.float64),
            given.fast_at_most,
            given.flagged,
            np.where(unpriced, 0.0, speed),
            np.log(speed),
        ]
    )
    ranked = rank_values(values, ordered.scores, given.speedup, given.correct, top=strategy.top)
    fast_1, at_most, flagged, speedup, log_speedup = expected_at(ranked, ks)
    with np.errstate(invalid="ignore", divide="ignore"):
        log_speedup = log_speedup / np.where(passed.correct > 0, passed.correct, np.nan)
    untimed = (unpriced & given.correct).any(axis=1)
    speedup[untimed] = log_speedup[untimed] = np.nan
    if strategy.ceiling:
        # The best of k in each measure, and no lower at a larger k, down to the last digit.
        fast_1, at_most = passed.fast_1, passed.fast_1_at_most
        speedup, log_speedup = (
            np.maximum.accumulate(one, axis=1) for one in (speedup, log_speedup)
        )
    return Curves(
        applicability=given.applicability(strategy, ordered.missing),
        success=passed.correct,
        # Sums of probabilities may round to a hair above their bound.
        fast_1=np.minimum(fast_1, passed.fast_1),
        fast_1_at_most=np.minimum(at_most, passed.fast_1_at_most),
        speedup_mean=speedup,
        log_speedup_mean=log_speedup,
        flagged=np.minimum(flagged, passed.correct),
        picks=_picks(ranked, given),
    )


def _picks(ranked: RankValues, given: Batch) -> Ints:
    # Draws are exchangeable: the first of equals is as good a random choice as any.
    kept = ranked.order[:, : ranked.top]
    speed = np.take_along_axis(np.nan_to_num(given.speedup, nan=-np.inf), kept, axis=1)
    held = np.arange(kept.shape[1]) < ranked.counts[:, None]
    fastest = np.where(held, speed, -np.inf).argmax(axis=1)[:, None]
    chosen = np.take_along_axis(kept, fastest, axis=1)
    index = np.take_along_axis(given.sample_index, chosen, axis=1)[:, 0]
    return np.where(ranked.counts > 0, index, -1)
