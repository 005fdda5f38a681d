"""Plain sentences beside the numbers. Each says no more than its test does."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tasks.strategies.association import Association
from tasks.strategies.base import LEAST_SPREAD, Strategy
from tasks.strategies.compare import Comparison
from tasks.strategies.reach import Reach

SURE = 0.05
NAMED = 3
"""Of what was left out."""
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


def left_out_in_words(part: Reach, budgets: Sequence[int], problems: int) -> str | None:
    """Which runs of problems take no part, and beyond which budget nothing is said."""
    if part.k is None or (not part.left_out and part.k == max(budgets)):
        return None
    said = ""
    if part.left_out:
        kept = len({one.problem for one in part.kept})
        said = (
            f"{kept} of {problems} problems are compared, up to k = {part.k}. Left out at every k, "
            f"with fewer verdicts: {_named(part)}."
        )
    else:
        said = f"Problems differ in how many verdicts they have; up to k = {part.k} all take part."
    if part.k < max(budgets):
        return f"{said} Beyond it only some have enough, and nothing is said."
    return said


def _named(part: Reach) -> str:
    """`problem 7 (1), problem 9 of run b (3) and 4 others`."""
    several = len({one.run_id for one in (*part.kept, *part.left_out)}) > 1
    whole = {one.run_id for one in part.left_out} - {one.run_id for one in part.kept}
    runs = [f"run {run_id}" for run_id in sorted(whole)] if several else []
    single = [one for one in part.left_out if not (several and one.run_id in whole)]
    said = runs + [
        f"problem {one.problem_id}{f' of run {one.run_id}' if several else ''} ({one.n})"
        for one in single[:NAMED]
    ]
    if len(single) > NAMED:
        said.append(f"{len(single) - NAMED} others")
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"


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
        parts.append(f"a draw without {strategy.wants} on {missing}")
    if narrow:
        parts.append(
            f"log-probabilities spread by less than {LEAST_SPREAD} nats per token on {narrow}"
        )
    return f"{strategy.name}: {', '.join(parts)} of {problems} problems" if parts else None
