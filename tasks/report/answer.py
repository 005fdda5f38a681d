"""The first screen in words: which strategy, how many samples, and how sure are we.

Every sentence is computed; where the data cannot tell, the sentence says so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tasks.report.curves import Curve, Interval
from tasks.report.data import ReportData
from tasks.report.formats import TIED, Form, count, listed, percent, plural, span, times
from tasks.report.statistics import Statistics, interval
from tasks.report.unsettled import ceiling_at_most, library, miniature, noise
from tasks.strategies.document import PairedComparison
from tasks.strategies.words import SURE

ENOUGH = 0.03
"""More samples have stopped paying when no further doubling adds this much to fast_1."""

FEWEST_PAIRS = 6
"""With fewer pairs no exact two-sided test can reach 5 %: 2 · ½⁵ = 6 %."""

FEW_PROBLEMS = 10
"""Below this many problems an interval over problems is a rough guess."""


NAMED = 3
"""Problems of a kind (refused, without a verdict) that are named on the first screen."""


@dataclass(frozen=True, slots=True)
class Point:
    """One of the questions under the lead."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Answer:
    lead: str
    points: Sequence[Point]
    caveats: Sequence[str]


def answer(data: ReportData) -> Answer:
    """The words for this data, down to none at all."""
    statistics = data.statistics
    draws, judged, correct = (data.sum_of(name) for name in ("draws", "judged", "correct"))
    if not draws:
        return Answer("These runs hold no draws yet, so there is nothing to choose among.", [], [])
    if not judged:
        why = "none judged yet"
        if data.refused_draws == draws:
            why = "none judged, since the judge refused " + (
                "every problem" if len(data.refusals) > 1 else "the one problem"
            )
        return Answer(
            f"{_capital(plural(draws, 'draw'))} stored, {why}: no strategy can be told from "
            "another.",
            [],
            _caveats(data),
        )
    if not correct:
        return Answer(
            f"None of {plural(judged, 'judged draw')} is correct: no strategy has anything to "
            "pick, and more samples from this policy are unlikely to help. "
            "The failures below say what goes wrong.",
            [],
            _caveats(data),
        )
    points: list[Point | None] = []
    if statistics.deepest > 1:
        points += [
            _how_many(statistics),
            _untimed(statistics),
            _three(statistics),
            _beats_random(statistics),
            _applies(data),
        ]
    return Answer(
        _lead(statistics, data.sum_of("unsettled")),
        [point for point in points if point],
        _caveats(data),
    )


def enough(curve: Curve) -> int | None:
    """The least k from which no further doubling adds `ENOUGH`; None while the last still did."""
    ks = sorted(curve)
    for position, k in enumerate(ks[:-1]):
        later = ks[position:]
        gains = [curve[b].mean - curve[a].mean for a, b in pairwise(later)]
        if max(gains) < ENOUGH:
            return k
    return None


def _lead(statistics: Statistics, unsettled: int) -> str:
    k = statistics.deepest
    ceiling, at_most = statistics.fast_1_at_k.get(k), ceiling_at_most(statistics, k)
    if ceiling is None or not statistics.strategies:
        return "No strategy is defined on these runs yet."
    if ceiling.mean == 0 and at_most is not None:
        return (
            f"Not settled: with {plural(k, 'sample')} a problem and every correct one timed, no "
            f"kernel is surely faster than the reference on any of {_problems(statistics)}, but "
            f"the speedup intervals of {plural(unsettled, 'draw')} hold 1. Were all of these "
            f"faster, it would be {percent(at_most)} of the problems: measure them again on a "
            "quiet machine before concluding anything."
        )
    if ceiling.mean == 0:
        return (
            f"Even with {plural(k, 'sample')} a problem and every correct one timed, no kernel is "
            f"surely faster than the reference on any of {_problems(statistics)}: neither more "
            "samples of this policy nor a better choice among them helps here."
        )
    if k == 1:
        return (
            f"One sample a problem is correct and faster than the reference "
            f"{_on(ceiling, statistics)}{_or(at_most, unsettled)}. With one draw there is "
            "nothing to choose among: sample more to compare strategies."
        )
    stop = _stop(statistics)
    at = k if stop is None else stop
    reached = statistics.fast_1_at_k.get(at) or ceiling
    text = (
        f"Draw {'all' if stop is None else 'about'} {plural(at, 'sample')} a problem and time "
        f"every correct one: that finds a kernel faster than the reference "
        f"{_on(reached, statistics)}{_or(ceiling_at_most(statistics, at), unsettled)}"
    )
    text += ", and more samples may find more." if stop is None and reached.mean < 1 else "."
    best = _best(statistics, untimed=True)
    floor = statistics.at("random", k)
    if best is None or floor is None:
        return text
    name, its = best
    if name != _best_at_most(statistics):
        return text + (
            f" If none can be timed, {name} picks best so far ({percent(its.mean)} at {_k(k)}), "
            "but the unsettled kernels could turn that round."
        )
    if name == "random":
        others = len(_arms(statistics, untimed=True)) > 1
        return text + (
            f" If none can be timed, choose at random ({percent(its.mean)} at {_k(k)}): "
            + ("no score does better." if others else "no score applies to these problems.")
        )
    sure = _sure(statistics.compare(name, "random"))
    verdict = (
        f"against {percent(floor.mean)} for a random choice"
        if sure
        else f"which these data cannot tell from a random choice's {percent(floor.mean)}"
    )
    return text + (
        f" If none can be timed, {name} picks best: {percent(its.mean)} at {_k(k)}, {verdict}."
    )


def _stop(statistics: Statistics) -> int | None:
    """The least k that is enough whether the unsettled kernels are faster or not."""
    low = enough(_shared(statistics))
    high = enough(_shared_at_most(statistics))
    return None if low is None or high is None else max(low, high)


def _shared(statistics: Statistics) -> Curve:
    """The best of k up to K, where every point is over the same problems."""
    return {k: end for k, end in statistics.fast_1_at_k.items() if k <= statistics.deepest}


def _shared_at_most(statistics: Statistics) -> Curve:
    known = statistics.fast_1_at_k_at_most.items()
    return {k: Interval(mean, None, None) for k, mean in known if k <= statistics.deepest}


def _how_many(statistics: Statistics) -> Point | None:
    curve = _shared(statistics)
    ks = sorted(curve)
    if len(ks) < 2 or curve[ks[-1]].mean == 0:
        return None
    first, last = ks[0], ks[-1]
    text = (
        f"The best of k rises from {percent(curve[first].mean)} at {_k(first)} to "
        f"{percent(curve[last].mean)} at {_k(last)}{_in(curve[last])}. "
    )
    stop = _stop(statistics)
    if stop != enough(curve):
        text += "Where more samples stop paying depends on kernels that are unsettled."
    elif stop is None and curve[last].mean >= 1:
        text += f"Only the deepest k reaches every problem: keep all {last}."
    elif stop is None:
        gain = curve[last].mean - curve[ks[-2]].mean
        text += (
            f"The last doubling still added {gain * 100:.0f} points, so this run does not show "
            "where more samples stop paying."
        )
    else:
        text += f"From {_k(stop)} on, no doubling adds {ENOUGH * 100:.0f} points."
    return Point("How many samples?", text)


def _untimed(statistics: Statistics) -> Point | None:
    k, best = statistics.deepest, _best(statistics, untimed=True)
    ceiling = statistics.fast_1_at_k.get(k)
    if best is None or ceiling is None or ceiling.mean == 0:
        return None
    name, its = best
    others = [
        f"{other} {percent(end.mean)}"
        for other, end in _arms(statistics, untimed=True)
        if other != name
    ]
    text = (
        f"At {_k(k)}, {name} picks a faster kernel {_on(its, statistics)}: "
        f"{percent(its.mean / ceiling.mean)} of what timing every correct draw reaches"
    )
    return Point(
        "Which strategy, without timing?", text + (f"; {listed(others)}." if others else ".")
    )


def _three(statistics: Statistics) -> Point | None:
    arms = dict(_arms(statistics, untimed=False))
    best = _best(statistics, untimed=False)
    if best is None or best[1].mean == 0:
        return None
    name, its = best
    control = arms.get("random-top3")
    text = f"{name} reaches {percent(its.mean)}{_in(its)}"
    if control is not None and name != "random-top3":
        text += f"; three drawn at random and timed, the fair control, {percent(control.mean)}"
    elif control is not None and len(arms) > 1:
        scored = [f"{other} {percent(end.mean)}" for other, end in arms.items() if other != name]
        text += "; the scores do no better than three at random" + (
            f" ({listed(scored)})" if scored else ""
        )
    return Point("And when three may be timed?", _capital(text) + ".")


def _beats_random(statistics: Statistics) -> Point | None:
    comparison = statistics.compare("surprisal", "random")
    question = "Does surprisal beat a random choice?"
    if comparison is None or not statistics.strategies["surprisal"].applicable:
        return None
    gap = interval(comparison.fast_1.difference)
    if gap is None:
        return None
    size = f"{gap.mean * 100:+.0f} points"
    if gap.low is not None and gap.high is not None and gap.low < gap.high:
        size += f" (95 % interval {gap.low * 100:+.0f} to {gap.high * 100:+.0f})"
    if _sure(comparison):
        verdict = "yes" if gap.mean > 0 else "no, random is better"
    elif _leaves_out_0(interval(comparison.fast_1.difference)) and not _survives(comparison):
        verdict = "unsettled kernels could turn it round"
    else:
        verdict = f"{plural(comparison.problems, 'problem')} cannot settle it"
    text = (
        f"{_capital(verdict)}. At {_k(comparison.k)} surprisal minus random is "
        f"{size.replace('-', '−').replace(' %', f'{TIED}%')}, paired by problem."
    )
    ratio = interval(comparison.speedup.ratio)
    if ratio is not None:
        text += (
            f" Where both are correct, its picks run {times(ratio.mean)} as fast"
            f"{_in(ratio, 'times')}."
        )
    return Point(question, text)


def _applies(data: ReportData) -> Point:
    question = "Does selection by log-probability apply?"
    least = data.statistics.least_spread
    known = [problem.spread for problem in data.problems if problem.spread is not None]
    if not known:
        return Point(question, "No: these runs hold no log-probabilities.")
    wide = sum(1 for spread in known if spread >= least)
    return Point(
        question,
        f"On {count(wide)} of {plural(len(data.problems), 'problem')}: there a problem's draws "
        f"differ enough in log-probability (spread of at least {least:g} nats per token). "
        "Elsewhere ranking by it is mostly ranking noise.",
    )


def _max_tokens(config: str) -> int | None:
    """Of a run that was sampled; an import's config has none."""
    sampling = json.loads(config).get("sampling") or {}
    limit = sampling.get("max_tokens")
    return limit if isinstance(limit, int) else None


def _caveats(data: ReportData) -> list[str]:
    draws, judged = data.sum_of("draws"), data.sum_of("judged")
    broken, scored = data.sum_of("harness_errors"), data.sum_of("with_logprob")
    found = _refused(data)
    unfinished = draws - judged - data.refused_draws
    if unfinished:
        cause = f", {count(broken)} of them through a failure of the harness" if broken else ""
        found.append(
            f"Unfinished: {plural(unfinished, 'draw')} of {count(draws)} without a verdict"
            f"{cause}. Run the sweep again under the same name to judge them."
        )
    if cut_short := data.sum_of("cut_short"):
        limits = sorted({limit for run in data.runs if (limit := _max_tokens(run.config))})
        told = f" of {' and '.join(map(count, limits))}" if limits else ""
        found.append(
            f"Cut short: {plural(cut_short, 'completion')} of {count(draws)} reached the limit "
            f"of tokens{told} and may lack their code. Draw anew with a larger --max-tokens."
        )
    if 0 < scored < draws:
        found.append(
            f"{plural(draws - scored, 'draw')} of {count(draws)} came without log-probabilities."
            + _abstaining(data)
        )
    found += _left_out(data)
    if judged and len(data.problems) < FEW_PROBLEMS:
        found.append(
            f"{_capital(plural(len(data.problems), 'problem'))}: too few to say how this "
            "carries over to others; the intervals are rough."
        )
    return [*found, *noise(data), *library(data), *miniature(data)]


def _abstaining(data: ReportData) -> str:
    """Where rules that rank by log-probabilities choose at random."""
    curves = data.document.strategies
    missing = max((one.abstained_missing for one in curves.values()), default=0)
    if not missing:
        return ""
    where = f"{plural(missing, 'problem')} of {count(data.statistics.problems)}"
    return f" Rules that rank by them choose at random on {where}, where a draw lacks one."


def _left_out(data: ReportData) -> list[str]:
    """Problems and runs that the curves and comparisons are not about."""
    compared, refused = data.document.compared, {one.key for one in data.refusals}
    found = [compared.sentence] if compared.sentence else []
    bare = [one.title for one in data.problems if not one.judged and one.key not in refused]
    if bare:
        named = [*bare[:NAMED], *([plural(len(bare) - NAMED, "other")] if bare[NAMED:] else [])]
        found.append(f"Without a single verdict, and in no number here: {listed(named)}.")
    if compared.untimed:
        found.append(
            f"Correct but untimed draws: {plural(compared.untimed, 'problem')} with one take no "
            "part in the speedups."
        )
    return found


def _refused(data: ReportData) -> list[str]:
    refusals = data.refusals
    if not refusals:
        return []
    said = "; ".join(f"{one.title} ({one.reason})" for one in refusals[:NAMED])
    others = len(refusals) - NAMED
    if others > 0:
        said += f"; and {plural(others, 'other')}, listed under “Problem by problem”"
    one = data.refused_draws == 1
    left_out = (
        "1 draw has no verdict and counts"
        if one
        else (f"{count(data.refused_draws)} draws have no verdict and count")
    )
    return [f"Refused by the judge, whatever the candidate: {said}. {_capital(left_out)} nowhere."]


def _arms(statistics: Statistics, *, untimed: bool) -> list[tuple[str, Interval]]:
    """At K, strategies that time nothing before they choose, or a few kernels; best first.

    Those that apply to no problem are left out: there they are a random choice by another name.
    """
    k = statistics.deepest
    arms = [
        (name, end)
        for name in statistics.strategies
        if name != "oracle"
        and statistics.strategies[name].applicable
        and (statistics.strategies[name].top == 1) == untimed
        and (end := statistics.at(name, k)) is not None
    ]
    return sorted(arms, key=lambda arm: (-round(arm[1].mean, 9), "random" not in arm[0], arm[0]))


def _best(statistics: Statistics, *, untimed: bool) -> tuple[str, Interval] | None:
    arms = _arms(statistics, untimed=untimed)
    return arms[0] if arms else None


def _sure(comparison: PairedComparison | None) -> bool:
    """Do interval and adjusted test both tell the two apart, whatever the unsettled kernels are?

    Both, since each fails in its own way: the interval is too narrow where all picks come out
    alike, and a sign test counts problems, not how much.
    """
    if comparison is None or comparison.problems < FEWEST_PAIRS:
        return False
    p = comparison.fast_1.mcnemar_p_holm
    if p is None or p >= SURE:
        return False
    return _leaves_out_0(interval(comparison.fast_1.difference)) and _survives(comparison)


def _survives(comparison: PairedComparison) -> bool:
    """Is the sign of the difference the same, were every unsettled kernel faster?"""
    low = interval(comparison.fast_1.difference)
    high = interval(comparison.fast_1.difference_at_most)
    if low is None or high is None:
        return False
    return _leaves_out_0(high) and (low.mean > 0) == (high.mean > 0)


def _leaves_out_0(gap: Interval | None) -> bool:
    if gap is None or gap.low is None or gap.high is None:
        return False
    return gap.low > 0 or gap.high < 0


def _best_at_most(statistics: Statistics) -> str | None:
    """Which untimed strategy picks best, were every unsettled kernel faster."""
    k = statistics.deepest
    ends = {
        name: statistics.strategies[name].fast_1_at_most.get(k, 0.0)
        for name, _ in _arms(statistics, untimed=True)
    }
    # In the order of `_arms`: of equals the one that leads as measured.
    return max(ends, key=lambda name: round(ends[name], 9), default=None)


def _or(at_most: float | None, unsettled: int) -> str:
    if at_most is None:
        return ""
    of_them = (
        "the one unsettled draw is"
        if unsettled == 1
        else (f"all {count(unsettled)} unsettled draws are")
    )
    return f", or on {percent(at_most)} if {of_them} faster"


def _problems(statistics: Statistics) -> str:
    n = statistics.problems
    return "the one problem" if n == 1 else f"the {plural(n, 'problem')}"


def _on(end: Interval, statistics: Statistics) -> str:
    """`on 92 % of the 12 problems (67–100 %)`."""
    if statistics.problems == 1:
        return f"with a chance of {percent(end.mean)} on the one problem"
    return f"on {percent(end.mean)} of {_problems(statistics)}{_in(end)}"


def _k(k: int) -> str:
    return f"k{TIED}={TIED}{k}"


def _in(end: Interval, form: Form = "percent") -> str:
    """The interval in brackets, with a space before it."""
    shown = span(end.low, end.high, form)
    return f" ({shown})" if shown else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
