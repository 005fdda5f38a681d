"""Did the evaluator stand still? What has to hold before anything may be concluded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.stats import norm

from tasks.adapt.units import BASE_ARM
from tasks.frontier.stages import Run, Track
from tasks.statistics.arrays import Floats, Ints

LEVEL = 0.01
"""How often a guard may stop a study whose evaluator stood still."""

COARSEST = 0.25
"""A shift of so much, of log speedup, has to be noticed for anchors to have checked anything."""

PERMUTATIONS = 4999

_ELEMENTS = 4_000_000
"""Permuted values held at once: 32 MB."""


@dataclass(frozen=True, slots=True)
class Homogeneity:
    """That the base arm's stages are alike, though they were judged one round after the other.

    p_success, p_speed: of the success of draws, and of the speed of correct ones, by how the stages
        share them; NaN where there is nothing to compare.
    """

    p_success: float
    p_speed: float

    @property
    def p(self) -> float:
        """Of both, adjusted for looking twice; NaN where neither says anything."""
        known = [one for one in (self.p_success, self.p_speed) if not np.isnan(one)]
        return min(1.0, len(known) * min(known)) if known else float("nan")


def stages_agree(run: Run, seed: int = 0) -> Homogeneity:
    """Permutation tests of the base arm's stages within each problem: the same model drew them all,
    so that any draw could have been of any stage."""
    tracks = list(run.arms[BASE_ARM].values())
    return Homogeneity(
        homogeneity_p([_by_stage(track, "success") for track in tracks], seed),
        homogeneity_p([_by_stage(track, "speed") for track in tracks], seed),
    )


def _by_stage(track: Track, what: str) -> list[Floats]:
    """Values of each stage; of speed, ranks among the correct draws of the problem."""
    if what == "success":
        return [stage.fast.astype(np.float64) for stage in track.stages]
    speeds = [stage.log_speedup[~np.isnan(stage.log_speedup)] for stage in track.stages]
    joint = np.sort(np.concatenate(speeds))
    size = max(len(joint), 1)
    return [
        (np.searchsorted(joint, one, "left") + np.searchsorted(joint, one, "right")) / (2 * size)
        for one in speeds
    ]


def homogeneity_p(problems: Sequence[Sequence[Floats]], seed: int = 0) -> float:
    """P of stages that differ so much, were the values of each problem dealt out at random.

    problems: per problem its stages' values. Summed over problems before it is squared, since an
    evaluator that drifts moves all problems the same way: Q = Σ_s D_s²/V_s, D_s what stage s holds
    above its share. NaN where no problem has two stages whose values could differ.
    """
    kept = [own for own in problems if sum(len(one) > 0 for one in own) > 1]
    kept = [own for own in kept if np.ptp(np.concatenate(own)) > 0]
    if not kept:
        return float("nan")
    rng = np.random.default_rng(seed)
    stages = max(map(len, kept))
    seen, variance = np.zeros(stages), np.zeros(stages)
    dealt = np.zeros((PERMUTATIONS, stages))
    for own in kept:
        values = np.concatenate(own)
        values = values - values.mean()
        sizes = np.array([len(one) for one in own])
        starts = np.concatenate([[0], np.cumsum(sizes)])
        share = sizes / len(values)
        variance[: len(own)] += len(values) * share * (1 - share) * values.var(ddof=1)
        seen[: len(own)] += _totals(values[None, :], starts)[0]
        rows = max(1, _ELEMENTS // len(values))
        for begin in range(0, PERMUTATIONS, rows):
            into = dealt[begin : begin + rows]
            orders = rng.permuted(np.tile(values, (len(into), 1)), axis=1)
            into[:, : len(own)] += _totals(orders, starts)
    scale = np.where(variance > 0, variance, np.inf)
    found, expected = (seen**2 / scale).sum(), (dealt**2 / scale).sum(axis=1)
    return float((1 + (expected >= found * (1 - 1e-9)).sum()) / (1 + PERMUTATIONS))


def _totals(orders: Floats, starts: Ints) -> Floats:
    """What each stage holds, order by order; (orders, stages)."""
    sums = np.concatenate([np.zeros((len(orders), 1)), np.cumsum(orders, axis=1)], axis=1)
    return np.asarray(sums[:, starts[1:]] - sums[:, starts[:-1]], np.float64)


@dataclass(frozen=True, slots=True)
class Guard:
    """The answer: `passed` None where nothing was there to look at. detail: one clause."""

    passed: bool | None
    detail: str


def stage_guard(found: Sequence[Homogeneity]) -> Guard:
    """Of every run."""
    known = [one.p for one in found if not np.isnan(one.p)]
    if not known:
        return Guard(None, "the base arm's stages show nothing that could differ")
    p = min(1.0, len(known) * min(known))
    if p < LEVEL:
        return Guard(
            False, f"stages of the base arm differ though one model drew them (p = {p:.2g})"
        )
    return Guard(True, f"stages of the base arm agree (p = {p:.2g})")


class Shift(Protocol):
    """One anchor judged anew (tasks.adapt.anchors): log ratio of its speedup to its first, and the
    half-widths of both 95 % intervals on that scale; None where it was not correct, or came without
    an interval."""

    @property
    def round(self) -> int: ...
    @property
    def status(self) -> str: ...
    @property
    def log_ratio(self) -> float | None: ...
    @property
    def half_width(self) -> float | None: ...
    @property
    def first_half_width(self) -> float | None: ...


def anchor_guard(shifts: Sequence[Shift]) -> Guard:
    """Whether anchors moved by more than their intervals, round by round, all of one together.

    One that is no longer correct has moved.
    """
    if not shifts:
        return Guard(None, "no anchors")
    for one in shifts:
        if one.status != "correct":
            return Guard(False, f"an anchor that was correct is {one.status} in round {one.round}")
    rounds: dict[int, list[tuple[float, float]]] = {}
    for one in shifts:
        if one.log_ratio is not None and one.half_width and one.first_half_width:
            apart = float(np.hypot(one.half_width, one.first_half_width))
            rounds.setdefault(one.round, []).append((one.log_ratio, apart))
    if not rounds:
        return Guard(None, "anchors came with no intervals")
    # Of the 95 % of an interval, so many rounds share LEVEL.
    allowed = float(norm.isf(LEVEL / 2 / len(rounds)) / norm.isf(0.025))
    worst, where, moved, unseen = -1.0, 0, 0.0, 0.0
    for turn, own in rounds.items():
        ratios, reaches = np.array(own).T
        mean, reach = float(ratios.mean()), float(np.sqrt((reaches**2).sum()) / len(own))
        unseen = max(unseen, allowed * reach)
        if abs(mean) / reach > worst:
            worst, where, moved = abs(mean) / reach, turn, mean
    said = f"{100 * np.expm1(moved):+.1f} % in round {where}".replace("-", "−")
    if worst > allowed:
        return Guard(False, f"anchors moved by more than their intervals ({said})")
    noticed = f"{100 * np.expm1(unseen):.0f} % would have been noticed"
    if unseen > COARSEST:
        return Guard(None, f"anchors were measured too coarsely ({said}, and only {noticed})")
    return Guard(True, f"anchors stood still ({said} at most; {noticed})")
