"""What one pick costs: evaluations, seconds and tokens, by strategy."""

from __future__ import annotations

from collections.abc import Callable

from tasks.report.data import ReportData
from tasks.report.exhibits.exhibit import Column, Exhibit, Table, View
from tasks.report.figures import Spent, budget
from tasks.report.figures.style import leading, ordered
from tasks.report.formats import DASH, count, number, percent, seconds
from tasks.report.statistics import Cost, Strategy
from tasks.strategies.document import EquivalentSamples

_COLUMNS = (
    Column("strategy"),
    Column("fast_1", True),
    Column("evaluations", True),
    Column("seconds of judging", True),
    Column("tokens", True),
    Column("worth samples", True),
    Column("more samples stop paying at", True),
)
_UNITS: dict[str, Callable[[Cost], float | None]] = {
    "evaluations": lambda cost: cost.evaluations,
    "seconds of judging": lambda cost: cost.judge_seconds,
    "tokens": lambda cost: cost.tokens,
}


def price(data: ReportData) -> Exhibit:
    """fast_1@k against what the pick cost, three budgets to switch between."""
    known = data.statistics.strategies
    deepest = data.statistics.deepest
    names = ordered(list(known))
    targets = {name: f"picks-{name}" for name in names}
    drawn = []
    for unit, cost in _UNITS.items():
        figure = budget({name: _points(known[name], deepest, cost) for name in names}, unit)
        if figure is not None:
            leading(figure, targets)
            drawn.append(View(unit, figure))
    rows = [_row(name, known[name], deepest) for name in names if deepest in known[name].fast_1]
    return Exhibit(
        name="price",
        title="What a pick costs",
        notes=[
            "k samples are drawn and ranked by the score, then judged in that order until the "
            "strategy has its pick: the first correct one, or the third for …-top3. The oracle "
            "has to judge all k. The same picks as above, set against what each cost: further left "
            "is cheaper, further up is better.",
        ],
        figure=drawn[0].figure if drawn else None,
        describes="Lines: fast_1@k of every strategy against evaluations, seconds of judging or "
        "tokens per problem.",
        tables=[Table(_COLUMNS, rows, f"Per problem, at k = {deepest}")] if rows else [],
        query=data.sql("price"),
        empty="No verdicts yet, so no price.",
        first_view=drawn[0].title if drawn else "",
        views=drawn[1:],
        after=[
            "Worth samples: the number of samples at which Best-of-N, which judges everything, "
            "reaches the same fast_1, with its 95 % interval; < and > where that lies outside of "
            "what was sampled. More samples stop paying where no larger number adds a point."
        ]
        if rows
        else [],
    )


def _points(strategy: Strategy, deepest: int, cost: Callable[[Cost], float | None]) -> list[Spent]:
    found = []
    for k, end in strategy.fast_1.items():
        its = cost(strategy.costs[k])
        if k <= deepest and its is not None:
            found.append(Spent(its, end, f"k = {k}"))
    return found


def _row(name: str, its: Strategy, k: int) -> tuple[str, ...]:
    cost = its.costs[k]
    return (
        name,
        percent(its.fast_1[k].mean),
        number(cost.evaluations, 1),
        seconds(cost.judge_seconds),
        count(None if cost.tokens is None else round(cost.tokens)),
        worth(its.equivalent),
        DASH if its.saturation_k is None else f"k = {its.saturation_k}",
    )


def worth(one: EquivalentSamples | None) -> str:
    """`3.2 (1.4–9.8)`, with signs where an end is censored."""
    if one is None or one.k is None:
        return DASH
    signs = {"below": "< ", "above": "> ", None: ""}
    text = f"{signs[one.censored]}{one.k:.3g}"
    if one.low is None or one.high is None:
        return text
    low, high = signs[one.low_censored], signs[one.high_censored]
    return f"{text} ({low}{one.low:.3g}–{high}{one.high:.3g})"
