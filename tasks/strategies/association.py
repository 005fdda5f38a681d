"""Surprisal, length and speed of the correct draws, within problems: is there anything to rank
by?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from tasks.statistics import (
    Correlation,
    partial_correlation,
    pooled_spearman,
    quarter_weights,
)
from tasks.statistics.arrays import Floats
from tasks.statistics.clustered import rank_correlation_interval
from tasks.strategies.base import Draws
from tasks.strategies.verdict import FEWEST_PROBLEMS, SURE


class Direction(StrEnum):
    """Of more surprising kernels, within problems."""

    FASTER = "faster"
    SLOWER = "slower"
    OPEN = "open"
    UNDEFINED = "undefined"


class Length(StrEnum):
    """What length has to do with it."""

    EXPLAINS = "explains"
    """At equal length less than half of the correlation is left, and that is not settled."""
    NOT = "not"
    OPEN = "open"
    UNKNOWN = "unknown"


LEAST_CORRECT = 4
"""Correct draws of a problem for its quarters: of fewer, a quarter is less than one draw."""


@dataclass(frozen=True, slots=True)
class QuartileRow:
    """Correct draws of one quarter; NaN where none says."""

    quartile: int
    draws: float
    """A quarter of all, exactly: a draw on a border is of both sides in part."""
    fast_1: float
    speedup_geomean: float
    speedup_mean: float
    tokens: float


@dataclass(frozen=True, slots=True)
class Association:
    """Over correct draws: `pooled_spearman`, `partial_correlation` at equal length, and quarters by
    surprisal within each problem."""

    surprisal_speedup: Correlation
    surprisal_speedup_interval: tuple[float, float]
    """Over problems."""
    surprisal_speedup_given_length: Correlation
    length_speedup: Correlation
    problems: int
    """With correct draws that have both."""
    quartiles: tuple[QuartileRow, ...]

    @property
    def verdict(self) -> Direction:
        """Settled where the test within problems and the interval over problems both leave out 0.

        The first supposes draws that are independent, the second problems enough to see how they
        differ; each fails where the other does not. Of few problems nothing is settled.
        """
        plain, (low, high) = self.surprisal_speedup, self.surprisal_speedup_interval
        if math.isnan(plain.rho):
            return Direction.UNDEFINED
        if self.problems < FEWEST_PROBLEMS or not plain.p < SURE or not (low > 0 or high < 0):
            return Direction.OPEN
        return Direction.FASTER if plain.rho > 0 else Direction.SLOWER

    @property
    def length(self) -> Length:
        """What is left of it at equal length."""
        plain, partial = self.surprisal_speedup, self.surprisal_speedup_given_length
        if self.verdict not in (Direction.FASTER, Direction.SLOWER) or math.isnan(partial.rho):
            return Length.UNKNOWN
        if partial.p < SURE and (partial.rho > 0) == (plain.rho > 0):
            return Length.NOT
        return Length.EXPLAINS if abs(partial.rho) < abs(plain.rho) / 2 else Length.OPEN


def associate(draws: Sequence[Draws]) -> Association:
    """Each run of a problem is a block of its own: sampling settings may differ between runs.

    Of all runs of problems: nothing here lies along k.
    """
    surprisal = [-one.mean_logprob[one.correct] for one in draws]
    speedup = [one.speedup[one.correct] for one in draws]
    length = [one.n_tokens[one.correct] for one in draws]
    with np.errstate(divide="ignore", invalid="ignore"):
        speed = [np.log(one) for one in speedup]
    return Association(
        pooled_spearman(list(zip(surprisal, speed, strict=True))),
        rank_correlation_interval(list(zip(surprisal, speed, strict=True))),
        partial_correlation(list(zip(surprisal, speed, length, strict=True))),
        pooled_spearman(list(zip(length, speed, strict=True))),
        len(
            {
                one.problem
                for one, x, y in zip(draws, surprisal, speed, strict=True)
                if np.isfinite(x + y).any()
            }
        ),
        _quartiles(draws, surprisal, speedup, length),
    )


def _quartiles(
    draws: Sequence[Draws],
    surprisal: Sequence[Floats],
    speedup: Sequence[Floats],
    length: Sequence[Floats],
) -> tuple[QuartileRow, ...]:
    if not draws:
        return ()
    block = np.repeat(np.arange(len(draws)), [len(one) for one in surprisal])
    fast = np.concatenate([one.fast_1[one.correct] for one in draws]).astype(np.float64)
    scores, speeds, tokens = (np.concatenate(one) for one in (surprisal, speedup, length))
    known = np.isfinite(scores) & (speeds > 0)
    known &= (np.bincount(block[known], minlength=len(draws)) >= LEAST_CORRECT)[block]
    if not known.any():
        return ()
    fast, speeds, tokens = fast[known], speeds[known], tokens[known]
    weights = quarter_weights(scores[known], block[known])
    logs = np.log(speeds)
    return tuple(
        QuartileRow(
            quartile=quartile,
            draws=float(weight.sum()),
            fast_1=_mean(fast, weight),
            speedup_geomean=float(np.exp(_mean(logs, weight))),
            speedup_mean=_mean(speeds, weight),
            tokens=_mean(tokens, weight),
        )
        for quartile, weight in enumerate(weights, 1)
    )


def _mean(values: Floats, weight: Floats) -> float:
    known = np.isfinite(values) & (weight > 0)
    total = float(weight[known].sum())
    return float(weight[known] @ values[known]) / total if total else float("nan")
