"""Has the last night, or have the last few, moved? Of the machine, of references, of kernels.

A log time is what the kernel (or reference) takes, plus what the machine adds that night to all of
them, plus noise. The machine's part is the median over references of how far each lies from its
own median of the nights before. What is left of a kernel, or of a reference, is its own.

Every test looks at the last one, two or three nights against those before. A change that must have
lasted longer than a night has to show in each of them: one disturbed night is none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from tasks.drift.nights import Nights
from tasks.drift.noise import moderated
from tasks.statistics.arrays import Floats

FALSE_ALARMS_A_YEAR = 0.05
"""Chance of any alarm in a year of nights without a change."""
NIGHTS_A_YEAR = 365
LATEST = (1, 2, 3)
"""Nights that may have moved, against all before them."""
_HISTORY = 3
"""Nights before, from which on they alone say how far nights differ."""
_MEDIAN = math.pi / 2
"""Variance of a median over that of a mean, of normal noise."""
_OTHERS = 5
"""References from which on they say how far one differs from night to night."""
_DEVIATION = 1.4826
"""Standard deviation of normal noise over the median of its distances."""
_SPREADS_FREEDOM = 0.37
"""Degrees of freedom of that spread, for each of the references but one: its efficiency."""
_DISTURBED = 3
"""Times as wide as usual is the interval of a night that was disturbed."""
_SHOWS = 0.5
"""Of the mean shift, that each night must show."""


@dataclass(frozen=True)
class Shift:
    """How far something lies from its nights before, as a log ratio of times: above 0 is slower.

    index: of the kernel or problem. nights: the last so many. low, high: 95 %. p: two-sided.
    alarm: whether p is small enough for all that is asked in a year (see `allowed`).
    """

    index: int
    nights: int
    log_ratio: float
    low: float
    high: float
    p: float
    alarm: bool


@dataclass(frozen=True)
class Changes:
    """The most significant shift of each, in order of p; of the machine None without references.

    noticed: log ratio that half of the kernels would have shown as an alarm, had they moved
    `LATEST[-1]` nights ago; None where nothing says how far nights differ.
    """

    machine: Shift | None
    references: list[Shift]
    kernels: list[Shift]
    noticed: float | None


def allowed(tests: int) -> float:
    """p of an alarm, where `tests` things of a kind are looked at each night, in each of `LATEST`.

    Bonferroni's: the chances of all tests of a year add up to `FALSE_ALARMS_A_YEAR`, a third of
    which is the machine's, the references' and the kernels' each.
    """
    return FALSE_ALARMS_A_YEAR / (3 * NIGHTS_A_YEAR * len(LATEST) * max(tests, 1))


def changes_of(nights: Nights) -> Changes:
    """What moved in the last nights."""
    machine = _machine_by_night(nights.reference)
    limit = allowed(len(nights.kernels))
    floor = _interval_variance(nights.half_width)
    references = nights.reference - machine
    return Changes(
        _machine_shift(nights.reference, machine),
        _best_shifts(
            references,
            _spread_of_others(references),
            allowed(len(nights.problems)),
            max(1.0, _SPREADS_FREEDOM * (len(nights.problems) - 1)),
        ),
        _best_shifts(nights.runtime - machine, floor, limit),
        _noticed(nights.runtime - machine, floor, limit),
    )


def _machine_by_night(reference: Floats) -> Floats:
    """Log ratio of each night to the usual one, (nights,)."""
    moved = reference - _median(reference[:, :-1])[:, None]
    return np.nan_to_num(_median(moved.T))


def _median(values: Floats) -> Floats:
    """Of each row; NaN where a row has nothing."""
    known = ~np.isnan(values).all(axis=1)
    found = np.full(len(values), np.nan)
    found[known] = np.nanmedian(values[known], axis=1)
    return found


def _interval_variance(half_width: Floats) -> Floats:
    """Of one measurement, by its own 95 % interval, (kernels, nights)."""
    return np.square(half_width / 1.96)


def _spread_of_others(references: Floats) -> Floats:
    """Of one night's reference, by how far all of them lie from their usual ones in the last.

    By the median of their distances, which a few that moved leave alone; NaN with too few.
    """
    apart = references[:, -1] - _median(references[:, :-1])
    apart = apart[~np.isnan(apart)]
    found = np.full(references.shape, np.nan)
    if len(apart) >= _OTHERS:
        found[:, -1] = (_DEVIATION * float(np.median(np.abs(apart)))) ** 2
    return found


def _machine_shift(reference: Floats, machine: Floats) -> Shift | None:
    """By how the machine's nights differed before: without a history it cannot be an alarm.

    What it lacks then, or where that is more, is how much the references differ in the last night.
    """
    apart = reference[:, -1] - _median(reference[:, :-1]) - machine[-1]
    apart = apart[~np.isnan(apart)]
    if len(apart) < 2:
        return None
    within = float(apart.var(ddof=1)) * _MEDIAN / len(apart)
    found = []
    for w in _possible(len(machine)):
        before = machine[:-w]
        known = len(before) >= _HISTORY
        variance = max(within, float(before.var(ddof=1)) if known else 0.0)
        freedom = len(before) - 1 if known else len(apart) - 1
        floor = np.full((1, len(machine)), within)
        found += _shifted(
            machine[None], floor, w, np.array([variance]), np.array([freedom]), allowed(1) * known
        )
    return min(found, key=lambda one: (not one.alarm, one.p))


def _possible(nights: int) -> list[int]:
    """Numbers of last nights that leave enough before them."""
    return [w for w in LATEST if nights - w >= (1 if w == 1 else _HISTORY)]


def _best_shifts(
    values: Floats, floor: Floats, limit: float, floor_freedom: float = math.inf
) -> list[Shift]:
    """The most significant of each row (an alarm before none), in order of p.

    floor: variance of each value, as told by itself; floor_freedom: of that, where it stands alone.
    """
    best: dict[int, Shift] = {}
    for w in _possible(values.shape[1]):
        variance, freedom = _variances(values, floor, w)
        freedom = np.where(np.isinf(freedom), floor_freedom, freedom)
        for one in _shifted(values, floor, w, variance, freedom, limit):
            held = best.get(one.index)
            if held is None or (not one.alarm, one.p) < (not held.alarm, held.p):
                best[one.index] = one
    return sorted(best.values(), key=lambda one: one.p)


def _precise(values: Floats, floor: Floats) -> Floats:
    """Without those of nights that were too disturbed to say how far quiet ones differ: NaN."""
    usual = _median(floor)[:, None]
    return np.where(floor > _DISTURBED**2 * usual, np.nan, values)


def _variances(values: Floats, floor: Floats, w: int) -> tuple[Floats, Floats]:
    """Of one night's value, by row, with its degrees of freedom: from the nights before the last
    `w`, and without such a history from the widest interval."""
    before = _precise(values, floor)[:, : values.shape[1] - w]
    counts = (~np.isnan(before)).sum(axis=1)
    enough = counts >= _HISTORY
    own = np.full(len(values), np.nan)
    if enough.any():
        own[enough] = np.nanvar(before[enough], axis=1, ddof=1)
    variance, freedom = moderated(own, np.where(enough, counts - 1.0, 0.0))
    measured = np.full(len(values), np.nan)
    known = ~np.isnan(floor).all(axis=1)
    measured[known] = np.nanmax(floor[known], axis=1)
    freedom = np.where(np.isnan(variance), np.inf, freedom)
    return np.where(np.isnan(variance), measured, variance), freedom


def _shifted(
    values: Floats, floor: Floats, w: int, variance: Floats, freedom: Floats, limit: float
) -> list[Shift]:
    """The last `w` nights of every row against those before; rows without either are left out.

    No measurement is believed further than its own interval (`floor`), whatever the others say.
    """
    last, before = values[:, -w:], _precise(values, floor)[:, :-w]
    counts = (~np.isnan(before)).sum(axis=1)
    rows = np.flatnonzero(
        ~np.isnan(last).any(axis=1) & (counts >= (1 if w == 1 else _HISTORY)) & ~np.isnan(variance)
    )
    if not len(rows):
        return []
    last, before, counts, freedom = last[rows], before[rows], counts[rows], freedom[rows]
    usual = np.nanmedian(before, axis=1)
    size = last.mean(axis=1) - usual
    each = np.fmax(variance[rows][:, None], floor[rows])
    earlier = np.nanmean(np.where(np.isnan(before), np.nan, each[:, :-w]), axis=1)
    median = np.where(counts > 2, _MEDIAN, 1.0)
    error = np.sqrt(each[:, -w:].mean(axis=1) / w + earlier * median / counts)
    p = np.asarray(2 * student.sf(np.abs(size) / error, freedom))
    reach = np.asarray(student.isf(0.025, freedom)) * error
    apart = np.sign(size)[:, None] * (last - usual[:, None])
    lasting = (apart >= _SHOWS * np.abs(size)[:, None]).all(axis=1)
    return [
        Shift(
            int(rows[i]),
            w,
            float(size[i]),
            float(size[i] - reach[i]),
            float(size[i] + reach[i]),
            float(p[i]),
            bool(lasting[i] and p[i] <= limit),
        )
        for i in range(len(rows))
    ]


def _noticed(values: Floats, floor: Floats, limit: float) -> float | None:
    w = LATEST[-1]
    before = values.shape[1] - w
    if before < _HISTORY:
        return None
    variance, freedom = _variances(values, floor, w)
    known = ~np.isnan(variance) & (freedom > 0)
    if not known.any():
        return None
    own = np.fmax(variance[known][:, None], floor[known, -w:]).mean(axis=1) / w
    error = np.sqrt(own + variance[known] * _MEDIAN / before)
    return float(np.median(np.asarray(student.isf(limit / 2, freedom[known])) * error))
