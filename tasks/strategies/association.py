"""Surprisal, length and speed of the correct draws, within problems: is there anything to rank
by?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from tasks.statistics import Correlation, pooled_spearman, quartile_of
from tasks.statistics.arrays import Floats
from tasks.statistics.clustered import rank_correlation_interval
from tasks.strategies.base import Draws
from tasks.strategies.verdict import SURE


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


@dataclass(frozen=True, slots=True)
class QuartileRow:
    """Correct draws of one quartile; NaN where none says."""

    quartile: int
    draws: int
    fast_1: float
    speedup_geomean: float
    speedup_mean: float
    tokens: float


@dataclass(frozen=True, slots=True)
class Association:
    """Over correct draws: `pooled_spearman`, and quartiles by surprisal within each problem."""

    surprisal_speedup: Correlation
    surprisal_speedup_interval: tuple[float, float]
    """Over problems."""
    surprisal_speedup_given_length: Correlation
    length_speedup: Correlation
    quartiles: tuple[QuartileRow, ...]

    @property
    def verdict(self) -> Direction:
        """Settled where the test within problems and the interval over problems both leave out 0.

        The first supposes draws that are independent, the second problems enough to see how they
        differ; each fails where the other does not.
        """
        plain, (low, high) = self.surprisal_speedup, self.surprisal_speedup_interval
        if math.isnan(plain.rho):
            return Direction.UNDEFINED
        if not plain.p < SURE or not (low > 0 or high < 0):
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
    """Each run of a problem is a block of its own: sampling settings may differ between runs."""
    surprisal = [-one.mean_logprob[one.correct] for one in draws]
    speedup = [one.speedup[one.correct] for one in draws]
    length = [one.n_tokens[one.correct] for one in draws]
    return Association(
        pooled_spearman(list(zip(surprisal, speedup, strict=True))),
        rank_correlation_interval(list(zip(surprisal, speedup, strict=True))),
        pooled_spearman(list(zip(surprisal, speedup, strict=True)), length),
        pooled_spearman(list(zip(length, speedup, strict=True))),
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
    place = np.concatenate([quartile_of(one) for one in surprisal])
    fast = np.concatenate([one.fast_1[one.correct] for one in draws]).astype(np.float64)
    speeds, tokens = np.concatenate(speedup), np.concatenate(length)
    with np.errstate(divide="ignore"):
        logs = np.log(speeds)
    return tuple(
        QuartileRow(
            quartile=quartile,
            draws=int((place == quartile).sum()),
            fast_1=_mean(fast[place == quartile]),
            speedup_geomean=float(np.exp(_mean(logs[place == quartile]))),
            speedup_mean=_mean(speeds[place == quartile]),
            tokens=_mean(tokens[place == quartile]),
        )
        for quartile in (1, 2, 3, 4)
        if (place == quartile).any()
    )


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
