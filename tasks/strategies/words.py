"""Plain sentences beside the numbers. Each says no more than its test does."""

from __future__ import annotations

import math

from tasks.strategies.association import Association
from tasks.strategies.base import LEAST_SPREAD, Strategy
from tasks.strategies.compare import Comparison

SURE = 0.05
MINUS = "\u2212"


def comparison_in_words(one: Comparison) -> str:
    """Which of two strategies picks faster kernels, by how much, and whether that is settled."""
    mean, low, high = one.difference.tolist()
    if math.isnan(mean):
        return f"{one.a} and {one.b} share no problem at k = {one.k}."
    gap = f"{abs(100 * mean):.1f} points"
    over = f"over {one.problems} problem{'' if one.problems == 1 else 's'} at k = {one.k}"
    if one.a_better + one.b_better == 0:
        return f"{one.a} and {one.b} pick alike {over}."
    side = "above" if mean > 0 else "below"
    text = f"fast_1 of {one.a} is {gap} {side} that of {one.b} {over}"
    if math.isnan(low):
        return f"{text}; one problem says nothing about others."
    ends = f"{100 * low:+.1f} to {100 * high:+.1f}".replace("-", MINUS)
    text += f" (95 % interval {ends})"
    if low > 0 or high < 0:
        return f"{text}: {_tested(one)}"
    needed = one.problems_needed
    if needed is None:
        return f"{text}: not settled."
    if needed <= one.problems:
        return f"{text}: not settled, though so many problems should nearly do."
    return f"{text}: not settled; about {needed} such problems would settle a gap of this size."


def _tested(one: Comparison) -> str:
    """What an interval that leaves out 0 is worth, beside the test adjusted for all comparisons.

    Where outcomes are probabilities the sign test asks another question, on how many problems
    rather than by how much: it stands beside the interval and does not overrule it.
    """
    p = one.discordant_holm
    if math.isnan(p):
        return "the interval leaves out 0."
    if one.test == "sign":
        return (
            "taken alone, more than chance explains; the sign test, which counts problems whatever "
            f"the size and is adjusted for all comparisons, has p = {p:.2g}."
        )
    if p < SURE:
        return f"more than chance explains, and McNemar's test agrees (Holm p = {p:.2g})."
    return (
        "the interval leaves out 0, but McNemar's test, adjusted for all comparisons, does not "
        f"settle it (Holm p = {p:.2g})."
    )


def association_in_words(found: Association) -> str:
    """Whether surprising kernels are faster ones, and whether length explains it."""
    plain, partial = found.surprisal_speedup, found.surprisal_speedup_given_length
    if math.isnan(plain.rho):
        return "Too few correct draws with log-probabilities to tell surprisal from speed."
    if plain.p >= SURE:
        text = "Within problems, surprisal shows no rank correlation with speed"
    else:
        way = "faster" if plain.rho > 0 else "slower"
        text = f"Within problems, more surprising kernels are {way}"
    text += f" (ρ = {_signed(plain.rho)}, p = {plain.p:.2g}, {plain.draws} correct draws)"
    if math.isnan(partial.rho):
        return f"{text}; lengths are not known."
    kept = "and" if (partial.p < SURE) == (plain.p < SURE) else "but"
    return f"{text}, {kept} at equal length ρ = {_signed(partial.rho)} (p = {partial.p:.2g})."


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", MINUS)


def reason(strategy: Strategy, missing: int, narrow: int, problems: int) -> str | None:
    """Why a strategy abstains, with on how many problems; None where it never does."""
    parts = []
    if missing:
        parts.append(f"a correct draw without {strategy.wants} on {missing}")
    if narrow:
        parts.append(
            f"log-probabilities spread by less than {LEAST_SPREAD} nats per token on {narrow}"
        )
    return f"{strategy.name}: {', '.join(parts)} of {problems} problems" if parts else None
