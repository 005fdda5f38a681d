"""Before the check: rank everything first, judge only the first few."""

from __future__ import annotations

from tasks.report.curves import Interval
from tasks.report.data import ReportData
from tasks.report.exhibits.exhibit import Column, Exhibit, Table, View
from tasks.report.figures import Spent, budget
from tasks.report.figures.style import leading, ordered
from tasks.report.formats import percent, plural, seconds


def spent(data: ReportData) -> Exhibit:
    """Success against evaluations, and against seconds of judging."""
    known = data.statistics.strategies
    names = [name for name in ordered(list(known)) if known[name].spent and known[name].top == 1]
    by_count = {
        name: [Spent(e, end, plural(e, "evaluation")) for e, end in known[name].spent.items()]
        for name in names
    }
    by_second = {
        name: [
            Spent(known[name].spent_seconds[e], end, plural(e, "evaluation"))
            for e, end in known[name].spent.items()
            if e in known[name].spent_seconds
        ]
        for name in names
    }
    targets = {name: f"picks-{name}" for name in names}
    figure = leading(budget(by_count, "evaluations"), targets)
    timed = leading(budget(by_second, "seconds of judging"), targets)
    evaluations = sorted({e for name in names for e in known[name].spent})
    table = Table(
        (Column("strategy"), *(Column(str(e), True) for e in evaluations)),
        [[name, *(_share(known[name].spent.get(e)) for e in evaluations)] for name in names],
        "Share of problems with a faster kernel among the first e judged, by e.",
    )
    return Exhibit(
        name="spent",
        title="Before the check: success against evaluations",
        notes=[
            "Log-probabilities are known before anything is compiled. Here all draws of a problem "
            "are ranked by a score first, and only the first e are compiled, checked and timed: "
            "how often is one of them correct and faster? A score that is any good finds it "
            "earlier than a random order does. At the right end everything is judged, and all "
            "orders meet.",
        ],
        figure=figure,
        describes="Lines: share of problems with a faster kernel among the first e judged, "
        "against e, for each order of judging.",
        tables=[table] if figure is not None else [],
        query=data.sql("spent"),
        empty="No verdicts yet, so nothing was spent.",
        first_view="evaluations",
        views=[View("seconds of judging", timed)] if timed is not None else [],
        after=_found(data, names),
    )


def _share(end: Interval | None) -> str:
    return percent(end.mean if end else None)


def _found(data: ReportData, names: list[str]) -> list[str]:
    """What each order needs to come near to what judging everything finds."""
    known = data.statistics.strategies
    said = []
    for name in names:
        curve = known[name].spent
        everything = curve[max(curve)].mean
        if everything == 0:
            continue
        enough = min(e for e, end in curve.items() if end.mean >= 0.9 * everything)
        time = known[name].spent_seconds.get(enough)
        said.append(
            f"{name}: {plural(enough, 'evaluation')} a problem"
            + (f" ({seconds(time)})" if time is not None else "")
        )
    if not said:
        return []
    return [
        "Nine tenths of what judging every draw finds take, in the orders of "
        + "; ".join(said)
        + ". (Tried are 1, 2, 4, …)"
    ]
