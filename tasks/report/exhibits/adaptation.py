"""Adaptation beside search: the frontier, the trajectory, and for which problems it helps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from tasks.frontier.document import ArmFrontier, Comparison, FrontierDocument
from tasks.frontier.document import Interval as End
from tasks.report import paper
from tasks.report.curves import Interval
from tasks.report.data import ReportData
from tasks.report.exhibits.exhibit import Column, Exhibit, Table, View
from tasks.report.figures.frontier import Bought, regime, steps
from tasks.report.figures.frontier import frontier as frontier_figure
from tasks.report.formats import DASH, count, listed, number, percent, points, seconds, span, times
from tasks.report.rows import StepRow

if TYPE_CHECKING:
    from tasks.probe.association import Pooled
    from tasks.probe.findings import Finding

_AXES = {
    "rollouts": "rollouts",
    "completion tokens": "completion_tokens",
    "seconds of judging": "judge_seconds",
    "seconds in all": "seconds",
    "GPU seconds": "gpu_seconds",
    "FLOPs": "flops",
    "price": "price",
}


def adaptation(data: ReportData) -> list[Exhibit]:
    """The sections of runs with arms, in the page's order; none of other runs."""
    if data.adaptation is None:
        return []
    probed = [_probe(data)] if data.adaptation.probed else []
    return [_frontier(data), _trajectory(data), *probed, _regime(data)]


def _frontier(data: ReportData) -> Exhibit:
    assert data.adaptation is not None
    found = data.adaptation.compared
    views, tables, said = [], [], [data.adaptation.why_not] if data.adaptation.why_not else []
    if found is not None:
        views = _views(found)
        tables = [_arms(found), _spending(found), *_comparisons(found)]
        said = [f"{arm.arm}: {arm.verdict}." for arm in found.arms.values() if arm.finding]
        said += [f"Guard, {name}: {one.detail}." for name, one in found.guards.items()]
    return Exhibit(
        name="frontier",
        title="Adaptation beside search",
        notes=[
            "Every arm is judged by everything it drew within a budget: the chance that some draw "
            "is correct and surely faster than the reference, and the speedup of its fastest "
            "correct draw, 1 where none is faster. All arms begin with the same first stage. "
            "Best-of-N draws on from the base model; the others learn between stages. Each pays "
            "for its own draws, verdicts and steps as if it were alone. Bands: 95 %, over "
            + ("batches." if found is not None and found.unit == "batch" else "problems."),
        ],
        figure=views[0].figure if views else None,
        describes="Lines with bands: success, or delivered speedup, of every arm against what it "
        "spent.",
        tables=tables,
        query=data.sql("steps"),
        empty="No verdicts yet, or runs that are no one study: nothing to compare.",
        first_view=views[0].title if views else "",
        views=views[1:],
        after=said,
    )


def _views(found: FrontierDocument) -> list[View]:
    drawn = []
    for speedup, what in ((False, "success"), (True, "speedup")):
        for title, kind in _AXES.items():
            unit = found.prices.currency if kind == "price" else title
            figure = frontier_figure(
                {name: _bought(arm, kind, speedup) for name, arm in found.arms.items()},
                f"{unit}, all problems together",
                speedup=speedup,
            )
            if figure is not None:
                drawn.append(View(f"{what}, {title}", figure))
    return drawn


def _bought(arm: ArmFrontier, kind: str, speedup: bool) -> list[Bought]:
    curve = arm.curve
    ends = curve.delivered_speedup if speedup else curve.fast_1
    return [
        Bought(cost, Interval(end.mean, end.low, end.high))
        for cost, end in zip(curve.cost.get(kind, []), ends, strict=False)
        if end.mean is not None
    ]


def _arms(found: FrontierDocument) -> Table:
    columns = (
        Column("arm"),
        Column("rollouts", True),
        Column("fast_1", True),
        Column("delivered speedup", True),
        Column("worth draws of Best-of-N", True),
        Column("best checkpoint: naive", True),
        Column("cross-fitted", True),
        Column("fresh", True),
    )
    rows = [
        (
            name,
            count(arm.rollouts),
            with_span(arm.fast_1, percent),
            with_span(arm.delivered_speedup, times),
            _worth(arm),
            percent(arm.boa.naive),
            percent(arm.boa.cross_fitted),
            percent(arm.boa.fresh),
        )
        for name, arm in found.arms.items()
    ]
    null = next(iter(found.arms.values())).boa.null
    band = span(null.low, null.high) if found.arms else ""
    return Table(
        columns,
        rows,
        "What each arm came to with all that it drew"
        + (f". Naive reads {percent(null.mean)} ({band}) where nothing is learned" if band else ""),
    )


def with_span(one: End, form: Callable[[float | None], str]) -> str:
    """With its interval, where it has one."""
    around = span(one.low, one.high, "percent" if form is percent else "times")
    return f"{form(one.mean)} ({around})" if around else form(one.mean)


def _worth(arm: ArmFrontier) -> str:
    one, signs = arm.equivalent_k, {"below": "< ", "above": "> ", None: ""}
    if one.mean is None:
        return DASH
    text = f"{signs[one.censored]}{one.mean:.3g}"
    if one.low is None or one.high is None:
        return text
    low, high = signs[one.low_censored], signs[one.high_censored]
    return f"{text} ({low}{one.low:.3g}–{high}{one.high:.3g})"


def _spending(found: FrontierDocument) -> Table:
    columns = (
        Column("arm"),
        Column("completion tokens", True),
        Column("prompt tokens", True),
        Column("trained tokens", True),
        Column("teacher tokens", True),
        Column("verdicts", True),
        Column("judging", True),
        Column("GPU", True),
        Column("in all", True),
        Column("FLOPs", True),
        Column(found.prices.currency, True),
    )
    rows = []
    for name, arm in found.arms.items():
        its = {kind: values[-1] for kind, values in arm.curve.cost.items() if values}
        tokens = ("completion_tokens", "prompt_tokens", "trained_tokens", "teacher_tokens")
        rows.append(
            (
                name,
                *(count(round(its.get(kind, 0.0))) for kind in (*tokens, "evaluations")),
                *(seconds(its.get(kind)) for kind in ("judge_seconds", "gpu_seconds", "seconds")),
                f"{its['flops']:.2g}" if "flops" in its else DASH,
                count(round(its.get("price", 0.0))),
            )
        )
    return Table(columns, rows, "What it cost, were the arm alone; priced in the middle of the box")


def _comparisons(found: FrontierDocument) -> list[Table]:
    rows = [
        (
            name,
            "Best-of-N" if one.against == "base" else one.against,
            count(one.rollouts_per_problem),
            one.endpoint,
            *_gap(one),
            number(one.p, 3),
            number(one.p_holm, 3),
            f"{one.secondary.test} {number(one.secondary.p, 3)}",
        )
        for name, arm in found.arms.items()
        for one in arm.comparisons
    ]
    if not rows:
        return []
    columns = (
        Column("arm"),
        Column("against"),
        Column("rollouts of a problem", True),
        Column("of"),
        Column("difference", True),
        Column("95 % interval", True),
        Column("p", True),
        Column("adjusted", True),
        Column("secondary test"),
    )
    return [Table(columns, rows, "Paired at the same rollouts")]


def _gap(one: Comparison) -> tuple[str, str]:
    it = one.difference
    if one.endpoint == "fast_1":
        ends = [points(end).removesuffix(" points") for end in (it.low, it.high)]
        return points(it.mean), f"{ends[0]} to {ends[1]}"
    return times(it.mean), span(it.low, it.high, "times") or DASH


def _trajectory(data: ReportData) -> Exhibit:
    published = paper.comparable(problem.key for problem in data.problems)
    shares: dict[str, Callable[[StepRow], float | None]] = {
        "fast_1": lambda row: row.fast_1,
        "rejected as cheating": lambda row: row.rejected,
        "distinct sources": lambda row: row.distinct_sources,
    }
    drawn = []
    for title, of in shares.items():
        dots = paper.TTT_STEPS if published and title == "fast_1" else None
        figure = steps(_by_arm(data.steps, of), f"share of draws: {title}", published=dots)
        if figure is not None:
            drawn.append(View(title, figure))
    moved = {
        name: {0: 0.0, **own}
        for name, own in _by_arm(data.steps, lambda row: row.kl_from_base, shared=False).items()
        if name != "base" and own
    }
    figure = steps(moved, "KL from the base model, nats per token", share=False)
    if figure is not None:
        drawn.append(View("KL from the base model", figure))
    rows = [
        (
            row.arm,
            count(row.step),
            count(row.draws),
            percent(row.fast_1),
            percent(row.rejected),
            percent(row.distinct_sources),
            number(row.kl_from_base, 4),
        )
        for row in data.steps
    ]
    columns = (
        Column("arm"),
        Column("step", True),
        Column("draws", True),
        Column("fast_1", True),
        Column("rejected", True),
        Column("distinct sources", True),
        Column("KL from base, nats per token", True),
    )
    return Exhibit(
        name="trajectory",
        title="Step by step",
        notes=[
            "What the weights of each step drew, all problems together. Best-of-N's stages are "
            "always of the same model: how far its line wanders is what chance does. A line that "
            "rises while the share of rejected draws does, too, has learned to cheat; one whose "
            "sources become few has stopped searching.",
            *([paper.CAVEAT] if published else []),
        ],
        figure=drawn[0].figure if drawn else None,
        describes="Lines over gradient steps, one an arm: share of draws that are fast_1.",
        tables=[Table(columns, rows)] if rows else [],
        query=data.sql("steps"),
        empty="No verdicts yet, so no trajectory.",
        first_view=drawn[0].title if drawn else "",
        views=drawn[1:],
    )


def _by_arm(
    rows: Sequence[StepRow], of: Callable[[StepRow], float | None], *, shared: bool = True
) -> dict[str, dict[int, float]]:
    """Values by arm and step; step 0 of every arm is the base arm's first stage, if `shared`."""
    found: dict[str, dict[int, float]] = {}
    for row in rows:
        value = of(row)
        own = found.setdefault(row.arm, {})
        if value is not None:
            own[row.step] = value
    return _from_base(found) if shared else found


def _from_base(curves: dict[str, dict[int, float]]) -> dict[str, dict[int, float]]:
    """With step 0 of every arm: the base arm's first stage."""
    first: Mapping[int, float] = curves.get("base", {})
    if 0 in first:
        for own in curves.values():
            own.setdefault(0, first[0])
    return curves


def _probe(data: ReportData) -> Exhibit:
    assert data.adaptation is not None
    found = data.adaptation.probed
    measures: dict[str, Callable[[Finding], float]] = {
        "all correct draws": lambda one: one.rho.rho,
        "least likely quarter": lambda one: one.quarter.rho,
        "as the paper pools it": lambda one: one.paper_rho,
        "the same, least likely quarter": lambda one: one.paper_quarter,
    }
    drawn = []
    for title, of in measures.items():
        curves: dict[str, dict[int, float]] = {}
        for one in found:
            if math.isfinite(of(one)):
                curves.setdefault(one.arm, {})[one.step] = of(one)
        figure = steps(_from_base(curves), f"ρ of surprise and speed: {title}", share=False)
        if figure is not None:
            drawn.append(View(title, figure))
    rows = [
        (
            one.arm,
            count(one.step),
            number(one.surprise, 3),
            *(_rho(each) for each in (one.rho, one.partial, one.quarter)),
            number(one.paper_rho),
            number(one.entropy, 3),
            number(one.kl_from_base, 4),
        )
        for one in found
    ]
    columns = (
        Column("arm"),
        Column("step", True),
        Column("surprise, nats per token", True),
        Column("ρ (95 %)", True),
        Column("at equal length", True),
        Column("least likely quarter", True),
        Column("as the paper pools it", True),
        Column("entropy, nats per token", True),
        Column("KL from base", True),
    )
    return Exhibit(
        name="probe",
        title="Does it grow too sure?",
        notes=[
            "The same draws, those of the base arm, under every checkpoint: is what a model finds "
            "surprising slower? Spearman's ρ of surprise and speedup of correct draws within "
            "problems, pooled. One that falls step by step says that learning makes the fast and "
            "rare rarer still. The quarter is of the draws that the base model found least likely."
        ],
        figure=drawn[0].figure if drawn else None,
        describes="Lines over gradient steps, one an arm: correlation of surprise and speed.",
        tables=[Table(columns, rows)],
        query=None,
        empty="Too few correct draws for a correlation.",
        first_view=drawn[0].title if drawn else "",
        views=drawn[1:],
    )


def _rho(one: Pooled) -> str:
    if not math.isfinite(one.rho):
        return DASH
    if not math.isfinite(one.low):
        return number(one.rho)
    return f"{number(one.rho)} ({number(one.low)} to {number(one.high)})"


def _regime(data: ReportData) -> Exhibit:
    arms = list(dict.fromkeys(row.arm for row in data.regime))
    drawn = {
        arm: [
            (str(row.problem_id), row.coverage, row.benefit)
            for row in data.regime
            if row.arm == arm
        ]
        for arm in arms
    }
    rows = []
    for arm, own in drawn.items():
        cells = []
        for below in (True, False):
            side = [gain for _, before, gain in own if (before < paper.REGIME) is below]
            cells += [count(len(side)), points(sum(side) / len(side)) if side else DASH]
        rows.append((arm, *cells))
    at = percent(paper.REGIME)
    columns = (
        Column("arm"),
        Column(f"problems below {at}", True),
        Column("gain there", True),
        Column(f"problems from {at} on", True),
        Column("gain there", True),
    )
    return Exhibit(
        name="regime",
        title="For which problems?",
        notes=[
            "Each mark is a problem under an arm: how often the base model's first draws succeed, "
            "against what learning added to the share of later draws, compared with Best-of-N's "
            f"later draws. No draw is on both axes. Dotted: {at}, below which the paper found that "
            "adaptation helps."
        ],
        figure=regime(drawn, paper.REGIME),
        describes="Marks: gain by learning against the base model's success, one a problem and "
        f"arm ({listed(arms)}).",
        tables=[Table(columns, rows)] if rows else [],
        query=data.sql("regime"),
        empty="No trained arm has drawn yet.",
    )
