"""The first screen in words: which strategy, how many samples, and how sure are we.

Every sentence is computed; where the data cannot tell, the sentence says so. What may be said is
decided in `decisions`; here it is put into words.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tasks.report.curves import Interval
from tasks.report.data import ReportData
from tasks.report.decisions import (
    ENOUGH,
    Arm,
    Choice,
    by_log_probability,
    choice,
    shared,
    stop,
)
from tasks.report.formats import TIED, Form, count, listed, percent, plural, span, times
from tasks.report.statistics import Statistics, interval
from tasks.report.unsettled import ceiling_at_most, library, miniature, noise
from tasks.strategies.verdict import FEWEST_PROBLEMS, Verdict
from tasks.strategies.words import p_in_words, would_settle

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
    """The words for this data, down to none at all. Runs with arms ask first whether to adapt."""
    search, arms = _search(data), data.adaptation
    if arms is None and not data.trainings:
        return search
    alone = Point("And by drawing on from the base model alone?", search.lead)
    if arms is None:
        lead = " ".join(_said(one.verdict, one.arms) for one in data.trainings.values())
    else:
        found = arms.compared
        lead = _capital(arms.why_not) if found is None else _said(found.verdict, found.arms)
    return Answer(lead, [alone, *search.points], search.caveats)


def _said(verdict: str, arms: Iterable[str]) -> str:
    """As a sentence; an arm's name stays as it is written."""
    return f"{verdict if verdict.startswith(tuple(arms)) else _capital(verdict)}."


def _search(data: ReportData) -> Answer:
    """Of the base model's draws."""
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
            f"{_none_of(judged)} correct: no strategy has anything to pick. Of draws like these up "
            f"to {percent(1 - 0.05 ** (1 / judged))} may still be. "
            "The failures below say what is known.",
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


def _lead(statistics: Statistics, unsettled: int) -> str:
    k = statistics.deepest
    ceiling, at_most = statistics.fast_1_at_k.get(k), ceiling_at_most(statistics, k)
    if ceiling is None or not statistics.strategies:
        return "No strategy is defined on these runs yet."
    if ceiling.mean == 0 and at_most is not None:
        return (
            f"Not settled: with {plural(k, 'sample')} a problem and every correct one timed, no "
            f"kernel is surely faster than the reference on {_any_of(statistics)}, but "
            f"the speedup intervals of {plural(unsettled, 'draw')} hold 1. Were all of these "
            f"faster, it would be {percent(at_most)} of the problems: measure them again on a "
            "quiet machine before concluding anything."
        )
    if ceiling.mean == 0:
        return (
            f"Even with {plural(k, 'sample')} a problem and every correct one timed, no kernel is "
            f"surely faster than the reference on {_any_of(statistics)}: no better choice among "
            "them can help here, and nothing shows that more samples of this policy would."
        )
    if k == 1:
        return (
            f"One sample a problem is correct and faster than the reference "
            f"{_on(ceiling, statistics)}{_or(at_most, unsettled)}. With one draw there is "
            "nothing to choose among: sample more to compare strategies."
        )
    end = stop(statistics).k
    at = k if end is None else end
    reached = statistics.fast_1_at_k.get(at) or ceiling
    text = (
        f"Draw {'at least ' if end is None else 'about ' * (at > 1)}{plural(at, 'sample')} a "
        "problem and time "
        f"every correct one: that finds a kernel faster than the reference "
        f"{_on(reached, statistics)}{_or(ceiling_at_most(statistics, at), unsettled)}"
    )
    text += ", and more samples may find more." if end is None and reached.mean < 1 else "."
    return text + _without_timing(choice(statistics, timed=False), k)


def _without_timing(found: Choice, k: int) -> str:
    """The lead's sentence on choosing where nothing can be timed."""
    if found.control is None:
        return ""
    floor = percent(found.control[1].mean)
    if found.best is not None:
        name, its = found.best
        return (
            f" If none can be timed, {name} picks best: {percent(its.mean)} at {_k(k)}, against "
            f"{floor} for a random choice."
        )
    if found.better:
        verb = "picks" if len(found.better) == 1 else "pick"
        shares = listed([percent(end.mean) for _, end in found.better])
        return (
            f" If none can be timed, {listed(_names(found.better))} {verb} better than at random: "
            f"{shares} at {_k(k)}, against {floor}."
        )
    if found.doubtful is not None:
        name, its = found.doubtful
        return (
            f" If none can be timed, {name} picks best so far ({percent(its.mean)} at {_k(k)}, "
            f"against {floor} for a random choice), but the unsettled kernels could turn that "
            "round."
        )
    if not found.rules:
        return (
            f" If none can be timed, choose at random ({floor} at {_k(k)}): no score applies to "
            "these problems."
        )
    if found.leading is not None:
        its = found.leading[1]
        names = [name for name, end in found.rules if round(end.mean - its.mean, 9) == 0]
        return (
            f" If none can be timed, {listed(names)} came out best ({percent(its.mean)} at "
            f"{_k(k)}), which these data cannot tell from a random choice's {floor}."
        )
    return (
        f" If none can be timed, choose at random ({floor} at {_k(k)}): no score came out better."
    )


def _how_many(statistics: Statistics) -> Point | None:
    curve = shared(statistics)
    ks = sorted(curve)
    if len(ks) < 2 or curve[ks[-1]].mean == 0:
        return None
    first, last = ks[0], ks[-1]
    ends = percent(curve[first].mean), percent(curve[last].mean)
    rises = f"rises from {ends[0]} at {_k(first)} to {ends[1]} at {_k(last)}"
    if ends[0] == ends[1]:
        rises = f"stays at {ends[0]} from {_k(first)} to {_k(last)}"
    text = f"The best of k {rises}{_in(curve[last])}. "
    end = stop(statistics)
    if end.disputed:
        text += "Where more samples stop paying depends on kernels that are unsettled."
    elif end.k is None and curve[last].mean >= 1:
        text += f"Only {_k(last)} reaches every problem."
    elif end.k is None:
        gain = curve[last].mean - curve[ks[-2]].mean
        text += (
            f"The last doubling still added {gain * 100:.0f} points, so this run does not show "
            "where more samples stop paying."
        )
    else:
        text += f"From {_k(end.k)} on, no doubling added {ENOUGH * 100:.0f} points here"
        if end.at_most is not None and not end.shown:
            text += (
                "; on other problems like these one may still add up to "
                f"{end.at_most * 100:.0f} points"
            )
        text += "."
    return Point("How many samples?", text)


def _untimed(statistics: Statistics) -> Point | None:
    k, found = statistics.deepest, choice(statistics, timed=False)
    ceiling = statistics.fast_1_at_k.get(k)
    if found.control is None or ceiling is None or ceiling.mean == 0:
        return None
    (name, its), *others = _ordered(found)
    text = (
        f"At {_k(k)}, {name} picks a faster kernel {_on(its, statistics)}: "
        f"{percent(its.mean / ceiling.mean)} of what timing every correct draw reaches"
    )
    if others:
        text += f"; {listed([f'{other} {percent(end.mean)}' for other, end in others])}"
    return Point("Which strategy, without timing?", f"{text}.{_settled(found, statistics)}")


def _three(statistics: Statistics) -> Point | None:
    found = choice(statistics, timed=True)
    arms = _ordered(found)
    if not arms or arms[0][1].mean == 0:
        return None
    (name, its), *others = arms
    control = found.control
    equals = [one for one, end in arms if round(end.mean - its.mean, 9) == 0]
    if control is None or name != control[0]:
        names = f"{listed(equals)} {'reach' if len(equals) > 1 else 'reaches'}"
    else:
        names = f"{name} reaches"
    text = f"{names} {percent(its.mean)}{_in(its)}"
    if control is not None and name != control[0]:
        text += f"; three drawn at random and timed, the fair control, {percent(control[1].mean)}"
    elif others:
        text += (
            "; no score came out better than three at random "
            f"({listed([f'{other} {percent(end.mean)}' for other, end in others])})"
        )
    return Point("And when three may be timed?", f"{_capital(text)}.{_settled(found, statistics)}")


def _ordered(found: Choice) -> list[Arm]:
    """Rules and control, the best first; of equals the control."""
    arms = [*([found.control] if found.control else []), *found.rules]
    return sorted(arms, key=lambda arm: -round(arm[1].mean, 9))


def _settled(found: Choice, statistics: Statistics) -> str:
    """Which of the rules are told from the random choice, with a space before it."""
    if found.control is None or not found.rules:
        return ""
    control = found.control[0]
    parts = []
    for wanted, said in (
        (Verdict.BETTER, "better than at random by more than chance explains"),
        (Verdict.WORSE, "worse than at random by more than chance explains"),
    ):
        if arms := found.of(wanted):
            tests = [
                f"{name}, {p_in_words(test.fast_1.p_holm).replace(' ', TIED)}"
                for name, _ in arms
                if (test := statistics.compare(name, control)) is not None
                and test.fast_1.p_holm is not None
            ]
            parts.append(f"{_capital(said)}: {'; '.join(tests)}.")
    if arms := found.of(Verdict.NOISE):
        verb = "show" if len(arms) > 1 else "shows"
        parts.append(f"Unsettled kernels could turn round what {listed(_names(arms))} {verb}.")
    if arms := found.of(Verdict.OPEN):
        parts.append(f"These data cannot tell {listed(_names(arms))} from a random choice.")
    return "".join(f" {part}" for part in parts)


def _names(arms: Sequence[Arm]) -> list[str]:
    return [name for name, _ in arms]


_BEATS = {
    Verdict.BETTER: "Yes",
    Verdict.WORSE: "No, random is better",
    Verdict.NOISE: "Unsettled kernels could turn it round",
    Verdict.ALIKE: "It makes no difference to fast_1 here",
}


def _beats_random(statistics: Statistics) -> Point | None:
    comparison = statistics.compare("surprisal", "random")
    question = "Does surprisal beat a random choice?"
    if comparison is None or not statistics.strategies["surprisal"].applicable:
        return None
    gap, found = interval(comparison.fast_1.difference), Verdict(comparison.verdict)
    if gap is None:
        return None
    size = _points(gap.mean)
    if gap.low is not None and gap.high is not None and gap.low < gap.high:
        size += f" points (95{TIED}% interval {_points(gap.low)} to {_points(gap.high)})"
    else:
        size += " points"
    problems = plural(comparison.problems, "problem")
    text = (
        f"{_BEATS.get(found, f'{_capital(problems)} cannot settle it')}. At {_k(comparison.k)} "
        f"surprisal minus random is {size}, paired by problem."
    )
    if found is Verdict.OPEN and comparison.problems < FEWEST_PROBLEMS:
        text += f" With fewer than {FEWEST_PROBLEMS} problems nothing is tested."
    needed = comparison.fast_1.problems_needed
    if found is Verdict.OPEN and needed is not None and needed > comparison.problems:
        least = comparison.fast_1.problems_needed_at_least
        text += f" {_capital(would_settle(needed, least, comparison.problems))}."
    ratio = interval(comparison.speedup.ratio)
    if ratio is not None:
        text += (
            f" Where both are correct, its picks run {times(ratio.mean)} as fast"
            f"{_in(ratio, 'times')}."
        )
        log_ends = (ratio.low or 1.0) > 1 or (ratio.high or 1.0) < 1
        if found is Verdict.OPEN and log_ends:
            text += " That difference in speed is more than chance explains."
    return Point(question, text)


def _points(value: float) -> str:
    """0.07 → `+7`; what would round to 0 keeps its first digit, so that its side is seen."""
    if not value:
        return "0"
    small = 0 < abs(value) < 0.01
    digits = min(9, 1 - math.ceil(math.log10(abs(value) * 100))) if small else 0
    return f"{value * 100:+.{digits}f}".replace("-", "−")


def _applies(data: ReportData) -> Point:
    question = "Does selection by log-probability apply?"
    found, statistics = data.statistics.association, data.statistics
    if found is None or not any(problem.spread is not None for problem in data.problems):
        return Point(question, "No: these runs hold no log-probabilities.")
    better = by_log_probability([choice(statistics, timed=timed) for timed in (False, True)])
    if better:
        verb = "pick" if len(better) > 1 else "picks"
        text = f"Yes: {listed(better)} {verb} better than at random."
    elif found.verdict in ("faster", "slower"):
        text = (
            "They say something on speed, though no pick by them is settled to be better than a "
            "random one."
        )
    else:
        text = "Not shown."
    return Point(question, f"{text} {found.sentence}")


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
    found += _speedups(data)
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


def _speedups(data: ReportData) -> list[str]:
    """How far means of speedups can be trusted: nothing bounds those of problems not seen."""
    statistics = data.statistics
    if statistics.problems < 2 or not any(
        one.speedup.ratio.low is not None for one in statistics.comparisons
    ):
        return []
    unseen = 1 - 0.05 ** (1 / statistics.problems)
    return [
        "Means of speedups, and their intervals, know only the kinds of problems that are here: "
        f"a kind that {percent(unseen)} of all problems are of may well be missing among "
        f"{count(statistics.problems)}, and if its speedups are extreme, so is the mean with them."
    ]


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


def _or(at_most: float | None, unsettled: int) -> str:
    if at_most is None:
        return ""
    of_them = (
        "the one unsettled draw is"
        if unsettled == 1
        else (f"all {count(unsettled)} unsettled draws are")
    )
    return f", or on {percent(at_most)} if {of_them} faster"


def _none_of(judged: int) -> str:
    return (
        "The one judged draw is not" if judged == 1 else f"None of {count(judged)} judged draws is"
    )


def _any_of(statistics: Statistics) -> str:
    n = statistics.problems
    return "the one problem" if n == 1 else f"any of the {plural(n, 'problem')}"


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
