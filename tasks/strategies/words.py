"""Plain sentences beside the numbers. Each says no more than its test does."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tasks.statistics import needed_at_least
from tasks.strategies.association import Association, Direction, Length
from tasks.strategies.base import Strategy
from tasks.strategies.compare import Comparison
from tasks.strategies.reach import Reach
from tasks.strategies.verdict import FEWEST_PROBLEMS, SURE, Verdict

NAMED = 3
"""Of what was left out."""
MINUS = "\u2212"


def comparison_in_words(one: Comparison) -> str:
    """Which of two strategies picks faster kernels, by how much, and whether that is settled."""
    settled = one.verdict
    over = f"over {one.problems} problem{'' if one.problems == 1 else 's'} at k = {one.k}"
    if settled is Verdict.UNDEFINED:
        return f"{one.a} and {one.b} share no problem at k = {one.k}."
    if settled is Verdict.ALIKE:
        return f"fast_1 of {one.a} and of {one.b} is the same on every problem, {over}."
    seen = one.difference
    if abs(seen.mean) < 5e-4:
        text = f"fast_1 of {one.a} and of {one.b} are alike {over}"
    else:
        gap = f"{abs(100 * seen.mean):.1f} points"
        side = "above" if seen.mean > 0 else "below"
        text = f"fast_1 of {one.a} is {gap} {side} that of {one.b} {over}"
    if math.isnan(seen.low):
        return f"{text}; one problem says nothing about others."
    ends = f"{100 * seen.low:+.1f} to {100 * seen.high:+.1f}".replace("-", MINUS)
    return f"{text} (95 % interval {ends}): {_settled(one)}"


def _settled(one: Comparison) -> str:
    p = p_in_words(one.p_holm)
    if one.rules > 1:
        p += f" as one of {one.rules} rules"
    if one.verdict in (Verdict.BETTER, Verdict.WORSE):
        return f"more than chance explains ({p})."
    if one.verdict is Verdict.NOISE:
        return f"more than chance explains as measured ({p}), but unsettled kernels could undo it."
    if one.problems < FEWEST_PROBLEMS:
        return f"not tested: fewer than {FEWEST_PROBLEMS} problems."
    if one.needed is None or one.needed <= one.problems or abs(one.difference.mean) < 5e-4:
        return f"not settled ({p})."
    return (
        f"not settled ({p}); "
        f"{would_settle(one.needed, needed_at_least(one.needed, one.difference), one.problems)}."
    )


def would_settle(needed: int, at_least: int | None, seen: int, kind: str = "problems") -> str:
    """How many problems would settle a gap, and how far that can be trusted: no more than the gap.

    Args:
        at_least: were the gap as large as its interval allows; `seen`: problems there are.
    """
    text = f"about {needed:,} such {kind} would settle a gap of this size in four studies of five"
    if at_least is None:
        return text
    if at_least >= needed:
        return f"{text}, and no number if there is none"
    few = f"{at_least:,}" if at_least > seen else "as few as these"
    return f"{text}, {few} if it is as large as the interval allows, and no number if there is none"


def no_mcnemar(one: Comparison) -> str | None:
    """Why McNemar's test is not given; None where it is."""
    if not math.isnan(one.mcnemar.p):
        return None
    if one.control:
        return (
            "a pick against a control's chance: McNemar's test and the sign test count on how many "
            "problems one is above the other, whatever the size, and where the chance is small the "
            "pick is mostly below it though their means are equal"
        )
    if not one.decided:
        return "outcomes are chances, and McNemar's test is for outcomes of 0 and 1"
    return "no problem has the two differ"


def no_wilcoxon(one: Comparison) -> str | None:
    """Why Wilcoxon's test is not given; None where it is."""
    if not math.isnan(one.wilcoxon.p):
        return None
    if one.control:
        return (
            "a pick against a control's mean: Wilcoxon's test supposes that differences are as "
            "often above 0 as below, which a pick's are not though their mean is 0"
        )
    return "no problem has the two differ"


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
    plain, (low, high) = found.surprisal_speedup, found.surprisal_speedup_interval
    if found.verdict is Direction.UNDEFINED:
        if plain.draws:
            return (
                "Log-probabilities, or speeds, are all alike within each problem: nothing tells "
                "surprisal from speed."
            )
        return "Too few correct draws with log-probabilities to tell surprisal from speed."
    text = {
        Direction.FASTER: "Within problems, more surprising kernels are faster",
        Direction.SLOWER: "Within problems, more surprising kernels are slower",
        Direction.OPEN: "Within problems, surprisal shows no settled rank correlation with speed",
    }[found.verdict]
    text += f" (ρ = {_signed(plain.rho)}"
    if not math.isnan(low):
        text += f", 95 % interval {_signed(low)} to {_signed(high)}"
    if found.verdict is not Direction.OPEN or plain.p >= SURE:
        text += f", {p_in_words(plain.p)}, {plain.draws} correct draws)"
    elif found.problems < FEWEST_PROBLEMS:
        text += f", {plain.draws} correct draws; fewer than {FEWEST_PROBLEMS} problems say nothing"
        text += " of others)"
    else:
        text += f", {plain.draws} correct draws; problems differ too much in it)"
    partial = found.surprisal_speedup_given_length
    if math.isnan(partial.rho):
        return f"{text}; lengths are not known."
    left = f"ρ = {_signed(partial.rho)} ({p_in_words(partial.p)})"
    return {
        Length.EXPLAINS: f"{text}; length explains it: at equal length {left}.",
        Length.NOT: f"{text}, and at equal length, too: {left}.",
        Length.OPEN: f"{text}; at equal length it is not settled: {left}.",
        Length.UNKNOWN: f"{text}; at equal length {left}.",
    }[found.length]


def p_in_words(p: float) -> str:
    """`p = 0.031`; never 0."""
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", MINUS)


def reason(strategy: Strategy, missing: int, tied: int, problems: int) -> str | None:
    """Why a strategy abstains, with on how many problems; None where it never does."""
    parts = []
    if missing:
        parts.append(f"a draw without {strategy.wants} on {missing}")
    if tied:
        parts.append(f"log-probabilities that are all the same on {tied}")
    return f"{strategy.name}: {', '.join(parts)} of {problems} problems" if parts else None
