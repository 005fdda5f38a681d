"""Which candidates a strategy picks: the way from a bar to the code behind it."""

from __future__ import annotations

from tasks.report.data import ReportData
from tasks.report.exhibits.exhibit import Anchored, Column, Exhibit, Link, Links, Table
from tasks.report.figures.style import ordered


def picks(data: ReportData) -> Exhibit:
    """One line a strategy, one link a problem (and run)."""
    found: dict[str, list[Link]] = {}
    several = len(data.run_ids) > 1
    for row in data.picks:
        for name in row.strategies.split(", "):
            text = f"{row.problem_id} ({row.run_id})" if several else str(row.problem_id)
            link = Link(text, row.card(row.run_id, row.sample_index))
            found.setdefault(name, []).append(link)
    rows = [
        [
            Anchored(name, f"picks-{name}"),
            Links(found[name])
            if name in found
            else "any correct draw, with equal chance: see the problems above",
        ]
        for name in ordered(list(data.statistics.strategies))
    ]
    table = Table(
        (Column("strategy"), Column("its pick among all draws, by problem")),
        rows,
        "A click on a strategy in a figure leads to its line here; a number leads to the code.",
    )
    return Exhibit(
        name="picks",
        title="What each strategy picks",
        notes=[],
        figure=None,
        describes="",
        tables=[table] if rows else [],
        query=data.sql("picks"),
    )
