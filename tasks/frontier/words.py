"""Findings in words: one sentence names arm, budget, gain and interval, or says what is missing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.frontier.compare import FEWEST_UNITS, Compared
from tasks.frontier.guards import Guard
from tasks.frontier.price import PRICED, Prices, Worth
from tasks.frontier.verdict import Finding, Shown, leading
from tasks.statistics import needed_at_least
from tasks.strategies.verdict import SURE
from tasks.strategies.words import would_settle

_KINDS = {kind: name.replace("_", " ") for name, kind in PRICED.items()}


@dataclass(frozen=True)
class Told:
    """What the sentences are about.

    unit: "problem" or "batch". worths: of arms, by endpoint. placebo_gains: of each placebo against
    the base arm, by (endpoint, budget).
    """

    unit: str
    units: int
    problems: int
    family: int
    unjudged: Mapping[str, int]
    """By run."""
    guards: Mapping[str, Guard]
    prices: Prices
    worths: Mapping[str, Mapping[str, Worth]]
    placebo_gains: Mapping[str, Mapping[tuple[str, int], Compared]]


def study_sentence(found: Mapping[str, Shown], told: Told) -> str:
    """Of the whole study."""
    if any(one.finding in (Finding.UNFINISHED, Finding.DRIFTED) for one in found.values()):
        return _stopped(next(iter(found.values())).finding, told)
    lead = leading(found)
    if lead is None:
        return "nothing is shown: no arm but the base arm and its controls ran"
    better = [name for name, one in found.items() if one.finding is Finding.BETTER]
    text = arm_sentence(lead, found[lead], told)
    others = [name for name in better if name != lead]
    if others:
        text += f"; so {'does' if len(others) == 1 else 'do'} {_listed(others)}"
    elif not better and len(found) > 1 + len(told.placebo_gains):
        text += "; nor is any other arm shown to beat Best-of-N"
    return text


def arm_sentence(name: str, one: Shown, told: Told) -> str:
    """Of one arm."""
    if one.finding in (Finding.UNFINISHED, Finding.DRIFTED):
        return _stopped(one.finding, told)
    if one.by is None:
        return "nothing is shown: it has nothing to compare"
    where = _where(one.by, told)
    gap = _gap(one.by)
    if one.finding is Finding.BETTER:
        return (
            f"{name} beats Best-of-N {where}: {gap}{_placebos(one, told)}"
            f"{_pays(told.worths[name][one.by.endpoint], told.prices)}{_unchecked(told)}"
        )
    if one.finding is Finding.WORSE:
        return f"{name} does worse than Best-of-N {where}: {gap}"
    if one.finding is Finding.AS_PLACEBO:
        rivals = [
            f"{name} minus {placebo}: {_gap(its, short=True)}"
            for placebo, its in (one.against_placebo or {}).items()
            if not (its.seen.mean > 0 and its.seen.p < SURE)
        ]
        return (
            f"nothing is shown: {name} is ahead of Best-of-N {where} ({gap}), but a placebo, which "
            f"learns from nothing, may do as well ({'; '.join(rivals)})"
        )
    if one.finding is Finding.ALIKE:
        return f"nothing is shown: {name} does exactly as well as Best-of-N {where}"
    if one.finding is Finding.CONTROL:
        return f"a control, of which nothing is claimed: {gap} against Best-of-N {where}"
    if one.finding is Finding.FEW:
        return f"nothing is shown: {_few(told)} ({name} against Best-of-N {where}: {gap})" + (
            _needed(one.by, told)
        )
    return (
        f"nothing is shown: {name} cannot be told from Best-of-N {where}: {gap}"
        f"{_needed(one.by, told)}"
    )


def _stopped(finding: Finding, told: Told) -> str:
    if finding is Finding.UNFINISHED:
        left = {run: count for run, count in told.unjudged.items() if count}
        runs = ", ".join(f"{count} of run {run}" for run, count in left.items())
        return (
            f"no verdict: the study is unfinished, draws are missing or unjudged ({runs}); `bon "
            "adapt --run ID` goes on with a run"
        )
    failed = [guard.detail for guard in told.guards.values() if guard.passed is False]
    return f"the evaluator drifted; no verdict: {'; '.join(failed)}"


def _where(one: Compared, told: Told) -> str:
    problems = f"{told.problems} problem{'' if told.problems == 1 else 's'}"
    each = f"each of {problems}" if told.problems != 1 else "one problem"
    return f"at {one.budget} rollouts of {each}"


def _gap(one: Compared, *, short: bool = False) -> str:
    """+25 points of problems with a faster kernel (95 % interval +8 to +42, p = 0.01)."""
    seen = one.seen
    if one.endpoint == "fast_1":
        size, unit = (
            _points(seen.mean),
            " points" + ("" if short else " of problems with a kernel faster than the reference"),
        )
        ends = (_points(seen.low), _points(seen.high))
    else:
        size, unit = f"{math.exp(seen.mean):.2f}x", "" if short else " the delivered speedup"
        ends = (f"{math.exp(seen.low):.2f}x", f"{math.exp(seen.high):.2f}x")
    said = [] if math.isnan(seen.low) else [f"95 % interval {ends[0]} to {ends[1]}"]
    if said and one.p_holm >= SURE > seen.p:
        said = [f"{said[0]} by itself"]  # it leaves out 0, and choosing among arms undoes that
    if not math.isnan(one.p_holm):
        said.append(f"p = {one.p_holm:.2g} adjusted for all comparisons")
    elif not math.isnan(seen.p):
        said.append(f"p = {seen.p:.2g}")
    return f"{size}{unit}" + (f" ({', '.join(said)})" if said else "")


def _points(value: float) -> str:
    return f"{100 * value:+.1f}".replace("-", "−")


def _few(told: Told) -> str:
    batch = told.unit == "batch"
    names = ("batch", "batches") if batch else ("problem", "problems")
    are = f"{names[0]} is" if told.units == 1 else f"{names[1]} are"
    why = "with one adapter for a batch the batch is the unit, and " if batch else ""
    return f"{why}{told.units} {are} too few for any test ({FEWEST_UNITS} at least)"


def _needed(one: Compared, told: Told) -> str:
    if not one.seen.informative or abs(one.seen.mean) < 1e-9:
        return "; no difference was seen that more of them could settle"
    what = "batches" if told.unit == "batch" else "problems"
    if one.needed is None:
        return f"; it is not known how many {what} would settle it"
    if one.needed <= told.units:
        return f"; about as many {what} once more would settle a gap of this size"
    least = needed_at_least(one.needed, one.seen)
    return f"; {would_settle(one.needed, least, told.units, what)}"


def _placebos(one: Shown, told: Told) -> str:
    if one.by is None or not told.placebo_gains:
        return "; no placebo ran beside it"
    at = (one.by.endpoint, one.by.budget)
    each = [f"{name} {_gap(own[at], short=True)}" for name, own in told.placebo_gains.items()]
    return f"; against the same, {'; '.join(each)}"


def _pays(worth: Worth, prices: Prices) -> str:
    span = (
        f"getting further than Best-of-N's whole budget costs {worth.low:.2g} to {worth.high:.2g} "
        "times as much as that"
    )
    if worth.wins == "everywhere":
        return f"; it pays at every price in the box ({span})"
    if worth.wins == "nowhere":
        return f"; it pays at no price in the box ({span})"
    text = f"; whether it pays hangs on prices ({span}"
    inside = {
        kind: even
        for kind, even in worth.break_even.items()
        if prices.low[kind] <= even <= prices.high[kind]
    }
    if inside:
        kind = min(inside, key=lambda one: one != "trained_tokens")
        even = inside[kind]
        text += f"; break-even at {even:.3g} {prices.currency} for a {_KINDS[kind]}"
    return text + ")"


def _unchecked(told: Told) -> str:
    unseen = [guard.detail for guard in told.guards.values() if guard.passed is None]
    if not unseen:
        return ""
    return f"; not checked whether the evaluator stood still: {', '.join(unseen)}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
