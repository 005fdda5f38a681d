"""What a study shows of each arm, and of all: the one place that decides it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tasks.frontier.compare import Compared, settled
from tasks.frontier.guards import Guard
from tasks.strategies.verdict import SURE


class Finding(StrEnum):
    """Of one arm against Best-of-N at the same budget."""

    UNFINISHED = "unfinished"
    DRIFTED = "drifted"
    BETTER = "better"
    """Settled, and better than every placebo as well."""
    AS_PLACEBO = "as placebo"
    """Better than Best-of-N, but so a placebo may be."""
    WORSE = "worse"
    OPEN = "open"
    ALIKE = "alike"
    """The same on every unit, in both endpoints."""
    FEW = "few"
    """Too few units for any test."""
    CONTROL = "control"
    """A placebo: nothing is claimed of it."""


@dataclass(frozen=True)
class Shown:
    """A finding and the comparison that it rests on; None without one."""

    finding: Finding
    by: Compared | None
    against_placebo: Mapping[str, Compared] | None = None
    """At the same budget, in the same endpoint, by placebo."""


def stopped(unjudged: int, guards: Sequence[Guard]) -> Finding | None:
    """What forbids any verdict, if anything does."""
    if unjudged:
        return Finding.UNFINISHED
    if any(guard.passed is False for guard in guards):
        return Finding.DRIFTED
    return None


def shown(
    against_base: Sequence[Compared],
    against_placebo: Mapping[str, Sequence[Compared]],
    *,
    control: bool = False,
    stop: Finding | None = None,
) -> Shown:
    """Of one arm. against_placebo: by placebo, of the same budgets and endpoints in the same order.

    An arm is better where some comparison with Best-of-N is settled (Holm over all arms, budgets
    and endpoints) and the same one with each placebo is, at 5 % each: it needs all of them, so that
    no adjustment is due (an intersection-union test, Berger 1982).
    """
    lead = max(against_base, key=_strength, default=None)
    if stop is not None or lead is None:
        return Shown(stop or Finding.ALIKE, lead)
    if control:
        return Shown(Finding.CONTROL, lead)
    if not lead.offered:
        return Shown(Finding.FEW, lead)
    better = [i for i, one in enumerate(against_base) if settled(one) and one.seen.mean > 0]
    for i in sorted(better, key=lambda i: _rank(against_base[i])):
        placebos = {name: those[i] for name, those in against_placebo.items()}
        if all(_above(one) for one in placebos.values()):
            return Shown(Finding.BETTER, against_base[i], placebos)
    if better:
        i = min(better, key=lambda i: _rank(against_base[i]))
        placebos = {name: those[i] for name, those in against_placebo.items()}
        return Shown(Finding.AS_PLACEBO, against_base[i], placebos)
    worse = [one for one in against_base if settled(one) and one.seen.mean < 0]
    if worse:
        return Shown(Finding.WORSE, max(worse, key=lambda one: _strength(one, -1)))
    if not any(one.seen.informative for one in against_base):
        return Shown(Finding.ALIKE, lead)
    return Shown(Finding.OPEN, lead)


def _rank(one: Compared) -> tuple[bool, int]:
    """Success before speed, and the whole budget before parts of it."""
    return one.endpoint != "fast_1", -one.budget


def _above(one: Compared) -> bool:
    return one.seen.mean > 0 and one.seen.p < SURE


def _strength(one: Compared, side: int = 1) -> float:
    """How clearly it points upwards (or downwards): by p, else, where none is, by the sign."""
    p = one.seen.p_greater if side > 0 else one.seen.p_less
    if math.isnan(p):
        return math.copysign(abs(one.seen.mean), side * one.seen.mean) - 1e6
    return -p


def leading(found: Mapping[str, Shown]) -> str | None:
    """The arm that the study's sentence is about; None without a contender."""
    order = [
        *(Finding.BETTER, Finding.AS_PLACEBO, Finding.WORSE, Finding.OPEN, Finding.FEW),
        Finding.ALIKE,
    ]
    ranked = [
        (order.index(one.finding), -_strength(one.by, -1 if one.finding is Finding.WORSE else 1), n)
        for n, one in found.items()
        if one.finding in order and one.by is not None
    ]
    return min(ranked)[2] if ranked else None
