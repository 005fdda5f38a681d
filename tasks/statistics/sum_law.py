"""The law of a sum of independent values: its tails, and the tilts under which the sum is usual.

Every part of the sum takes one of a few values with known chances (a pick that is fast with chance
p: 1 or 0). The sum's law is the convolution of its parts'. For parts of 0 and 1 it is the
Poisson-binomial law, for signs by the toss of a coin that of a sign-flip test, and McNemar's where
the parts are 1, 0 and −1.

An interval for the mean needs laws with other means. Exponential tilting gives them: chances in
proportion to chance × exp(θ·value), which for 0 and 1 adds θ to the log-odds of every part. The
ends are the means of the two tilts under which so large, or so small, a sum has the chance α/2:
Clopper and Pearson's (1934) way, with mid-P (Lancaster 1961), in which half of the chance of the
very sum seen counts on either side.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.optimize import brentq
from scipy.stats import norm

from tasks.statistics.arrays import Floats, Ints

_SAME = 1e-9
_FINEST = 12
"""Lattices of steps 1, 1/2, … 1/12 of the widest part are convolved as they are."""

_CONVOLVED = 400
"""Different parts that are convolved; of more, the saddlepoint's error is far below 1e-4 unless
nearly all are sure."""

_WIDE = 20
"""Steps of a lattice in a standard deviation, from which on it is as good as continuous."""

_REACH = 12
"""Standard deviations either side that the convolution holds; beyond lies less than 1e-30."""

_STEEPEST = 200.0
"""The largest tilt, in units of the widest part."""

_ELEMENTS = 4_000_000


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What independent parts of a sum may be; arrays of shape (parts, outcomes).

    Rows with fewer outcomes are padded by outcomes of chance 0, which repeat a value of the row.
    """

    values: Floats
    chances: Floats
    """Rows sum to 1."""

    @property
    def means(self) -> Floats:
        """(parts,)"""
        return np.asarray((self.values * self.chances).sum(axis=1), np.float64)

    @property
    def variances(self) -> Floats:
        """(parts,)"""
        off = self.values - self.means[:, None]
        return np.asarray((off * off * self.chances).sum(axis=1), np.float64)


@dataclass(frozen=True, slots=True)
class SumTest:
    """Where a sum lies in its law, and the means that it does not contradict."""

    below: float
    """P(sum < seen) + ½·P(sum = seen): small where what was seen is small."""
    above: float
    """1 − below, without its loss of digits."""
    low: float
    """Mean of the tilted law under which so large a sum has the chance α/2."""
    high: float


def outcomes_of(rows: list[tuple[Floats, Floats]]) -> Outcomes:
    """Rows of (values, chances), of any lengths, padded to one table."""
    width = max((len(values) for values, _ in rows), default=1)
    values, chances = np.zeros((len(rows), width)), np.zeros((len(rows), width))
    for i, (value, chance) in enumerate(rows):
        values[i] = value[0]
        values[i, : len(value)] = value
        chances[i, : len(chance)] = chance
    return Outcomes(values, chances)


def coins(chances: Floats) -> Outcomes:
    """Parts that are 1 with these chances, of shape (parts,), and else 0."""
    p = np.asarray(chances, np.float64)
    return Outcomes(np.tile([1.0, 0.0], (len(p), 1)), np.stack([p, 1 - p], axis=1))


def flips(values: Floats) -> Outcomes:
    """Parts that keep their value, or change its sign, by the toss of a fair coin."""
    v = np.asarray(values, np.float64)
    return Outcomes(np.stack([v, -v], axis=1), np.full((len(v), 2), 0.5))


def sum_test(parts: Outcomes, seen: float, level: float = 0.95) -> SumTest:
    """Where `seen` lies in the law of the sum of the parts, and the interval for its mean.

    Parts that are sure add what they are and nothing else; where all are, both tails are ½ and the
    ends are the sum itself.
    """
    parts, sure = _uncertain(parts)
    if not len(parts.values):
        return SumTest(0.5, 0.5, seen, seen)
    least = float(_held(parts, np.min).sum())
    scale = float(np.max(_held(parts, np.max) - _held(parts, np.min)))
    scaled = _Scaled(parts, scale)
    at = (seen - sure - least) / scale
    tail = _tails(scaled, at)
    alpha = (1 - level) / 2

    def end(upper: bool) -> float:
        side = 1.0 if upper else -1.0
        # The chance of the sum's own side: of a sum so small for the upper end, so large else.
        gap: Callable[[float], float] = lambda tilt: tail(tilt, not upper) - alpha  # noqa: E731
        inner = outer = scaled.centre(at)
        step = 0.5 / max(scaled.spread(at), 1e-6)
        while gap(outer) > 0:
            inner, outer, step = outer, outer + side * step, 2 * step
            if abs(outer) > _STEEPEST:
                bound = scaled.most if upper else 0.0
                return sure + least + scale * bound
        tilt = inner if inner == outer else brentq(gap, inner, outer, xtol=1e-10)
        return sure + least + scale * scaled.mean(tilt)

    return SumTest(tail(0.0, False), tail(0.0, True), end(False), end(True))


def _uncertain(parts: Outcomes) -> tuple[Outcomes, float]:
    """The parts that may differ, and the sum of the others."""
    spread = _held(parts, np.max) - _held(parts, np.min)
    open_ = spread > _SAME
    sure = float(parts.means[~open_].sum())
    return Outcomes(parts.values[open_], parts.chances[open_]), sure


def _held(parts: Outcomes, which: Callable[..., Floats]) -> Floats:
    """The least or the largest value of every part among those that have a chance."""
    fallback = -np.inf if which is np.max else np.inf
    return which(np.where(parts.chances > 0, parts.values, fallback), axis=1)


class _Scaled:
    """The parts from their least value up, in units of the widest; equal ones counted once."""

    def __init__(self, parts: Outcomes, scale: float) -> None:
        least = _held(parts, np.min)
        values = np.maximum((parts.values - least[:, None]) / scale, 0.0)
        values = np.where(parts.chances > 0, values, 0.0)
        table = np.concatenate([values, parts.chances], axis=1)
        width = values.shape[1]
        if width <= 8:
            table, count = np.unique(table, axis=0, return_counts=True)
        else:
            count = np.ones(len(table), np.int64)
        self.values, self.chances = table[:, :width], table[:, width:]
        self.count: Ints = np.asarray(count, np.int64)
        self.parts = len(values)
        self.most = float((self.values.max(axis=1) * self.count).sum())
        self.centred: dict[float, float] = {}

    def moments(self, tilt: float) -> tuple[float, float, float]:
        """The cumulant function at a tilt, and its first two derivatives: mean and variance."""
        peak = np.maximum(tilt * self.values.max(axis=1), 0.0)
        weight = self.chances * np.exp(tilt * self.values - peak[:, None])
        total = weight.sum(axis=1)
        mean = (weight * self.values).sum(axis=1) / total
        square = (weight * self.values**2).sum(axis=1) / total
        logs = np.log(total) + peak
        return (
            float(self.count @ logs),
            float(self.count @ mean),
            float(self.count @ np.maximum(square - mean * mean, 0.0)),
        )

    def mean(self, tilt: float) -> float:
        return self.moments(tilt)[1]

    def spread(self, at: float) -> float:
        """The standard deviation under the tilt whose mean is what was seen."""
        return math.sqrt(self.moments(self.centre(at))[2])

    def centre(self, at: float) -> float:
        """The tilt with that mean; near a bound of the sum, with one a little inside."""
        if at not in self.centred:
            edge = min(0.5, self.most / 4)
            inside = min(max(at, edge), self.most - edge)
            gap: Callable[[float], float] = lambda tilt: self.mean(tilt) - inside  # noqa: E731
            bounds = (-_STEEPEST, _STEEPEST)
            ends = [gap(one) for one in bounds]
            if ends[0] >= 0 or ends[1] <= 0:
                self.centred[at] = bounds[0] if ends[0] >= 0 else bounds[1]
            else:
                self.centred[at] = float(brentq(gap, *bounds, xtol=1e-9))
        return self.centred[at]

    def step(self) -> float | None:
        """Of the coarsest lattice that holds all values; None where none is coarse enough."""
        for cells in range(1, _FINEST + 1):
            scaled = self.values * cells
            if (np.abs(scaled - np.round(scaled)) < 1e-7).all():
                return 1.0 / cells
        return None


def _tails(scaled: _Scaled, at: float) -> Callable[[float, bool], float]:
    """(tilt, upper) → the mid-P chance of a sum beyond `at`, above it or below it."""
    step = scaled.step()
    many = len(scaled.values) > _CONVOLVED
    if many and (step is None or scaled.spread(at) > _WIDE * step):
        return _by_saddlepoint(scaled, at)
    return _by_convolution(scaled, at, step)


def _by_convolution(
    scaled: _Scaled, at: float, step: float | None
) -> Callable[[float, bool], float]:
    """Convolved once, under the tilt that centres what was seen; further tilts start from there.

    So every tail keeps its digits, however small its chance without a tilt.
    """
    base = scaled.centre(at)
    spread = max(scaled.spread(at), 1e-9)
    spill = 0
    if step is None:
        # Values are split between neighbours on the grid, which keeps the mean; the variance that
        # this adds is below a thousandth of the sum's.
        step, spill = spread / (20 * math.sqrt(scaled.parts)), scaled.parts
    whole = round(scaled.most / step) + spill + 1
    window = int(2 * (_REACH * spread + 1) / step) + 2
    size = int(next_fast_len(min(whole, window), real=True))
    place = at / step
    # No sum lies beyond the ends of its law, though the window would reach there.
    first = max(0, min(round(place) - size // 2, whole - size))
    chance = _convolved(scaled, base, step, size)
    where = first + np.arange(size)
    chance = np.maximum(chance[where % size], 0.0)
    chance /= chance.sum()
    off = (where - place) * step
    above = np.clip(where - place + 0.5, 0.0, 1.0)
    with np.errstate(divide="ignore"):
        logs = np.log(chance)
    # Rounding of the transform leaves a floor that no tilt may lift.
    logs[chance < 1e-15] = -np.inf

    def tail(tilt: float, upper: bool) -> float:
        weight = logs + (tilt - base) * off
        weight = np.exp(weight - weight.max())
        share = above if upper else 1 - above
        return float((weight * share).sum() / weight.sum())

    def exact(tilt: float, upper: bool) -> float:
        if tilt != 0.0:
            return tail(tilt, upper)
        if (base > 0) is not upper:
            return 1 - exact(tilt, not upper)
        # Without a tilt this tail may be tiny: from the tilted law, by the ratio of the two.
        with np.errstate(over="ignore"):
            weight = np.where(np.isfinite(logs), chance * np.exp(-base * off), 0.0)
        share = above if upper else 1 - above
        factor = scaled.moments(base)[0] - base * at
        return float(min(1.0, (weight * share).sum() * math.exp(min(factor, 0.0))))

    return exact


def _convolved(scaled: _Scaled, tilt: float, step: float, size: int) -> Floats:
    """The tilted law of the sum, by index modulo `size`."""
    peak = np.maximum(tilt * scaled.values.max(axis=1), 0.0)
    weight = scaled.chances * np.exp(tilt * scaled.values - peak[:, None])
    weight /= weight.sum(axis=1, keepdims=True)
    index = scaled.values / step
    down = np.floor(index + 1e-7)
    share = np.clip(index - down, 0.0, 1.0)
    share[share < 1e-6] = 0.0
    left = down.astype(np.int64)
    product = np.ones(size // 2 + 1, np.complex128)
    rows = max(1, _ELEMENTS // size)
    for start in range(0, len(weight), rows):
        some = slice(start, start + rows)
        table = np.zeros((len(weight[some]), size))
        row = np.arange(len(table))[:, None]
        np.add.at(table, (row, left[some] % size), weight[some] * (1 - share[some]))
        np.add.at(table, (row, (left[some] + 1) % size), weight[some] * share[some])
        product *= np.prod(rfft(table, axis=1) ** scaled.count[some, None], axis=0)
    return np.asarray(irfft(product, size), np.float64)


def _by_saddlepoint(scaled: _Scaled, at: float) -> Callable[[float, bool], float]:
    """Lugannani and Rice's (1980) tails, of a sum of many parts."""
    base = scaled.centre(at)
    top, _, variance = scaled.moments(base)

    def tail(tilt: float, upper: bool) -> float:
        lean = base - tilt
        depth = 2 * (lean * at - (top - scaled.moments(tilt)[0]))
        root = math.copysign(math.sqrt(max(depth, 0.0)), lean)
        wald = lean * math.sqrt(variance)
        correction = float(norm.pdf(root)) * (1 / wald - 1 / root) if abs(root) > 1e-4 else 0.0
        chance = float(norm.sf(root) if upper else norm.cdf(root))
        return min(1.0, max(0.0, chance + (correction if upper else -correction)))

    return tail
