"""The law of a sum of independent values: its tails, as it is and under exponential tilts.

Every part of the sum takes one of a few values with known chances (a pick that is fast with chance
p: 1 or 0). The sum's law is the convolution of its parts'. For parts of 0 and 1 it is the
Poisson-binomial law, for signs by the toss of a coin that of a sign-flip test, and McNemar's where
the parts are 1, 0 and −1.

An interval for the mean needs laws with other means. Exponential tilting gives them: chances in
proportion to chance × exp(θ·value), which for 0 and 1 adds θ to the log-odds of every part. Tails
are mid-P (Lancaster 1961): half of the chance of the very sum seen counts on either side.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.optimize import brentq
from scipy.special import ndtr

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

_APART = 40.0
"""Tilts of neighbouring grids, times the length of the law: a tilt is half of that from one at
most, which lifts the transform's rounding, 1e-16, by e²⁰ at the far end."""

_NARROW = 0.02
"""Of the widest part: a continuous law with a smaller standard deviation, as at an end, is looked
at no finer than one with this."""

_ELEMENTS = 4_000_000


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What independent parts of a sum may be; arrays of shape (parts, outcomes).

    Rows with fewer outcomes are padded by outcomes of chance 0, which repeat a value of the row.
    """

    values: Floats
    chances: Floats
    """Rows sum to 1."""
    problem: Ints | None = None
    """(parts,): which problem each part is of, from 0; None where every part is one."""

    @cached_property
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
    """Where a sum lies in its law."""

    below: float
    """P(sum < seen) + ½·P(sum = seen): small where what was seen is small."""
    above: float
    """1 − below, without its loss of digits."""


def outcomes_of(rows: list[tuple[Floats, Floats]], problem: Ints | None = None) -> Outcomes:
    """Rows of (values, chances), of any lengths, padded to one table."""
    width = max((len(values) for values, _ in rows), default=1)
    values, chances = np.zeros((len(rows), width)), np.zeros((len(rows), width))
    for i, (value, chance) in enumerate(rows):
        values[i] = value[0]
        values[i, : len(value)] = value
        chances[i, : len(chance)] = chance
    return Outcomes(values, chances, problem)


def coins(chances: Floats) -> Outcomes:
    """Parts that are 1 with these chances, of shape (parts,), and else 0."""
    p = np.asarray(chances, np.float64)
    return Outcomes(np.tile([1.0, 0.0], (len(p), 1)), np.stack([p, 1 - p], axis=1))


def flips(values: Floats) -> Outcomes:
    """Parts that keep their value, or change its sign, by the toss of a fair coin."""
    v = np.asarray(values, np.float64)
    return Outcomes(np.stack([v, -v], axis=1), np.full((len(v), 2), 0.5))


def sum_test(parts: Outcomes, seen: float) -> SumTest:
    """Where `seen` lies in the law of the sum of the parts.

    Parts that are sure add what they are and nothing else; where all are, both tails are ½.
    """
    law = SumLaw(parts, seen)
    if not law.open:
        return SumTest(0.5, 0.5)
    return SumTest(law.tail(0.0, seen, upper=False), law.tail(0.0, seen, upper=True))


@dataclass(frozen=True, slots=True)
class Tilted:
    """Cumulants of the parts and of their sum under a tilt."""

    means: Floats
    """(parts,)"""
    variances: Floats
    mean: float
    variance: float
    third: float
    """The sum's third central moment."""


class SumLaw:
    """The law of the sum of the parts, near a sum that was seen."""

    def __init__(self, parts: Outcomes, seen: float) -> None:
        self._parts, self._seen = parts, seen
        self._uncertain = _held(parts, np.max) - _held(parts, np.min) > _SAME
        self.open = bool(self._uncertain.any())
        """Whether any part may be one thing or another."""
        if not self.open:
            return
        rows = Outcomes(parts.values[self._uncertain], parts.chances[self._uncertain])
        self._least = float(parts.means[~self._uncertain].sum() + _held(rows, np.min).sum())
        self._scale = float(np.max(_held(rows, np.max) - _held(rows, np.min)))
        self._bases = _held(rows, np.min)
        self._scaled = _Scaled(rows, self._scale)
        self._step = self._scaled.lattice
        at = self._place(seen)
        many = len(self._scaled.values) > _CONVOLVED
        self._smooth = many and (self._step is None or self._scaled.spread(at) > _WIDE * self._step)
        """Whether tails are the saddlepoint's."""
        on_it = self._step is not None and abs(at / self._step - round(at / self._step)) < 1e-4
        self._between = not on_it
        """Whether what was seen lies between the values that the law has."""
        self._near: dict[tuple[float, float | None], _Grid] = {}

    @property
    def centre(self) -> float:
        """The tilt whose mean is what was seen; near a bound of the sum, a little inside."""
        return self._scaled.centre(self._place(self._seen))

    @property
    def stride(self) -> float:
        """A tilt that moves the mean by about half a standard deviation of the sum."""
        return 0.5 / max(self._scaled.spread(self._place(self._seen)), 1e-6)

    @property
    def steepest(self) -> float:
        """The largest tilt either way."""
        return _STEEPEST

    def tilted(self, tilt: float) -> Tilted:
        first, second, third = self._scaled.cumulants(tilt)
        means, variances = self._parts.means.copy(), np.zeros(len(self._uncertain))
        if tilt:
            means[self._uncertain] = self._bases + self._scale * first
        variances[self._uncertain] = self._scale**2 * second
        return Tilted(
            means,
            variances,
            float(means.sum()),
            float(variances.sum()),
            float(self._scale**3 * third.sum()),
        )

    def tail(self, tilt: float, point: float, *, upper: bool, noise: float = 0.0) -> float:
        """The mid-P chance, under a tilt, of a sum beyond `point`; of a sum with normal noise of
        that standard deviation added, if any."""
        at, noise = self._place(point), noise / self._scale
        if self._smooth:
            return self._by_saddlepoint(tilt, at, upper, noise)
        found = self._grid_at(tilt).tail(tilt, at, upper, noise)
        if not noise and not tilt and (self._step is not None or found < 1e-8):
            # Around the very point, so that the tail keeps its digits however small it is. Values
            # that were split between neighbours are tilted back with an error, hence not theirs.
            return self._grid_around(at).untilted(upper)
        return found

    def _place(self, total: float) -> float:
        return (total - self._least) / self._scale

    def _grid_at(self, tilt: float) -> _Grid:
        """Under a tilt so near to this one that the transform's rounding stays below 1e-7."""
        apart = _APART / self._scaled.most
        return self._grid(round(tilt / apart) * apart, None)

    def _grid_around(self, at: float) -> _Grid:
        return self._grid(self._scaled.centre(at), at)

    def _grid(self, base: float, at: float | None) -> _Grid:
        if (base, at) not in self._near:
            self._near[base, at] = _Grid(self._scaled, base, at, self._step, self._between)
        return self._near[base, at]

    def _by_saddlepoint(self, tilt: float, at: float, upper: bool, noise: float) -> float:
        """Lugannani and Rice's (1980) tails, of a sum of many parts."""
        base = self._scaled.centre(at)
        top, _, variance = self._scaled.moments(base)
        here, _, spread = self._scaled.moments(tilt)
        lean = base - tilt
        depth = 2 * (lean * at - (top - here))
        root = math.copysign(math.sqrt(max(depth, 0.0)), lean)
        wald = lean * math.sqrt(variance)
        if abs(root) > 1e-4 and wald / root > 0:
            root += math.log(wald / root) / root  # Barndorff-Nielsen's form of the same
        root *= math.sqrt(spread / (spread + noise**2))
        return float(ndtr(-root if upper else root))


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
        self.row: Ints = np.arange(len(table))
        if width <= 8:
            table, row = np.unique(table, axis=0, return_inverse=True)
            self.row = np.asarray(row, np.int64).reshape(-1)
        self.values, self.chances = table[:, :width], table[:, width:]
        self.count: Ints = np.bincount(self.row, minlength=len(table))
        self.parts = len(values)
        self.most = float((self.values.max(axis=1) * self.count).sum())
        self.centred: dict[float, float] = {}
        self.lattice = self.step()

    def weights(self, tilt: float) -> tuple[Floats, Floats, Floats]:
        peak = np.maximum(tilt * self.values.max(axis=1), 0.0)
        weight = self.chances * np.exp(tilt * self.values - peak[:, None])
        total = weight.sum(axis=1)
        return weight / total[:, None], total, peak

    def moments(self, tilt: float) -> tuple[float, float, float]:
        """The cumulant function at a tilt, and its first two derivatives: mean and variance."""
        weight, total, peak = self.weights(tilt)
        mean = (weight * self.values).sum(axis=1)
        square = (weight * self.values**2).sum(axis=1)
        return (
            float(self.count @ (np.log(total) + peak)),
            float(self.count @ mean),
            float(self.count @ np.maximum(square - mean * mean, 0.0)),
        )

    def cumulants(self, tilt: float) -> tuple[Floats, Floats, Floats]:
        """Mean, variance and third central moment of every part."""
        weight, _, _ = self.weights(tilt)
        mean = (weight * self.values).sum(axis=1)
        off = self.values - mean[:, None]
        square = weight * off * off
        return mean[self.row], square.sum(axis=1)[self.row], (square * off).sum(axis=1)[self.row]

    def spread(self, at: float) -> float:
        """The standard deviation under the tilt whose mean is what was seen."""
        return math.sqrt(self.moments(self.centre(at))[2])

    def centre(self, at: float) -> float:
        """The tilt with that mean; near a bound of the sum, with one a little inside."""
        if at not in self.centred:
            edge = min(0.5 * self.lattice if self.lattice else 1e-3 * self.most, self.most / 4)
            inside = min(max(at, edge), self.most - edge)
            gap: Callable[[float], float] = lambda tilt: self.moments(tilt)[1] - inside  # noqa: E731
            side = -math.copysign(1.0, gap(0.0))
            steep = 1.0
            while side * gap(side * steep) < 0 and steep < _STEEPEST:
                steep = min(4 * steep, _STEEPEST)
            beyond = side * gap(side * steep) < 0
            found = side * steep if beyond else brentq(gap, 0.0, side * steep, xtol=1e-9)
            self.centred[at] = float(found)
        return self.centred[at]

    def step(self) -> float | None:
        """Of the coarsest lattice that holds all values; None where none is coarse enough."""
        for cells in range(1, _FINEST + 1):
            scaled = self.values * cells
            if (np.abs(scaled - np.round(scaled)) < 1e-7).all():
                return 1.0 / cells
        return None


class _Grid:
    """The sum's law by convolution under one tilt, `base`; tilts beside it start there.

    Under the tilt that centres a point (`at`; else it is where the tilt leads) the tails there keep
    their digits, however small their chance without a tilt.
    """

    def __init__(
        self, scaled: _Scaled, base: float, at: float | None, step: float | None, between: bool
    ) -> None:
        self.base = base
        top, mean, variance = scaled.moments(base)
        at = mean if at is None else at
        self.factor = top - base * at
        spread = max(math.sqrt(variance), 1e-9)
        spill, fold = 0, 1
        if step is None:
            # Values are split between neighbours on the grid, which keeps the mean; the variance
            # that this adds is below a thousandth of the sum's.
            fine = max(spread, _NARROW) / (20 * math.sqrt(scaled.parts))
            step, spill = fine, scaled.parts
            fold = max(1, math.floor(math.sqrt(scaled.parts)))
        whole = round(scaled.most / step) + spill + 1
        window = int(2 * (_REACH * spread + 1) / step) + 2
        size = int(next_fast_len(min(whole, window), real=True))
        place = at / step
        # No sum lies beyond the ends of its law, though the window would reach there.
        first = max(0, min(round(place) - size // 2, whole - size))
        cells = first + np.arange(size)
        where: Floats = np.asarray(cells, np.float64)
        chance = np.maximum(_convolved(scaled, self.base, step, size)[cells % size], 0.0)
        # Rounding of the transform leaves a floor that no tilt may lift.
        chance = np.where(chance < 1e-15, 0.0, chance / chance.sum())
        if fold > 1:
            # A continuous law, as fine as a twentieth of its standard deviation.
            starts = np.arange(0, size, fold)
            mass = np.add.reduceat(chance, starts)
            moved = np.add.reduceat(chance * where, starts) / np.where(mass > 0, mass, 1.0)
            where = np.asarray(moved, np.float64)
            chance = mass
        kept = chance > 0
        self.at = at
        self.off: Floats = (where[kept] - place) * step
        self.chance: Floats = chance[kept]
        self.logs: Floats = np.log(self.chance)
        # Half a step either way where the law is continuous, or what was seen between its values;
        # else only so much that rounding does not tell equals apart.
        self.blur = step * fold / 2 if between else 1e-5 * step
        self._tilted: tuple[float, Floats] = (math.nan, self.chance)

    def tail(self, tilt: float, point: float, upper: bool, noise: float) -> float:
        if self._tilted[0] != tilt:  # both tails are asked for, one after the other
            weight = self.logs + (tilt - self.base) * self.off
            weight = np.exp(weight - weight.max())
            self._tilted = (tilt, weight / weight.sum())
        beyond = self._beyond(self.off - (point - self.at), upper, noise)
        return float(self._tilted[1] @ beyond)

    def untilted(self, upper: bool) -> float:
        """The tail beyond the point that the grid is around."""
        if (self.base > 0) is not upper:
            return 1 - self.untilted(not upper)
        # It may be tiny: from the tilted law, by the ratio of the two.
        beyond = self._beyond(self.off, upper, 0.0)
        some = beyond > 0
        if not some.any():
            return 0.0
        logs = self.logs[some] - self.base * self.off[some] + self.factor
        return min(1.0, float(np.exp(logs) @ beyond[some]))

    def _beyond(self, off: Floats, upper: bool, noise: float) -> Floats:
        off = off if upper else -off
        if noise > self.blur:
            return np.asarray(ndtr(off / noise), np.float64)
        return np.asarray(np.clip(off / (2 * self.blur) + 0.5, 0.0, 1.0), np.float64)


def _convolved(scaled: _Scaled, tilt: float, step: float, size: int) -> Floats:
    """The tilted law of the sum, by index modulo `size`."""
    weight, _, _ = scaled.weights(tilt)
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
