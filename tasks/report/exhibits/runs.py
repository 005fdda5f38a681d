"""The runs side by side: models, seeds or nights."""

from __future__ import annotations

from tasks.report.data import ReportData
from tasks.report.exhibits.exhibit import Column, Exhibit, Table, View
from tasks.report.figures import by_run
from tasks.report.formats import DASH, count, percent

_RUNS = (
    Column("run"),
    Column("made (UTC)"),
    Column("policy"),
    Column("suite"),
    Column("k", True),
    Column("problems", True),
    Column("draws", True),
    Column("correct", True),
    Column("faster", True),
    Column("device"),
)
_STRATEGIES = ("oracle", "surprisal", "confidence", "random")


def runs(data: ReportData) -> Exhibit:
    """What each run is, and with several of them each one's own curves."""
    many = len(data.run_ids) > 1
    views = [
        View(name, figure)
        for name in _STRATEGIES
        if many and (figure := by_run(data.by_run, name)) is not None
    ]
    return Exhibit(
        name="runs",
        title="Runs side by side" if many else "The run",
        notes=[
            "Every figure above pools these runs: the problem is the unit, and a problem's runs "
            "are averaged before problems are. Here each run stands by itself, over its own "
            "problems."
        ]
        if many
        else [],
        figure=views[0].figure if views else None,
        describes="Lines: fast_1@k of one strategy in each run, against k.",
        tables=[Table(_RUNS, _rows(data)), *([_compared(data)] if views else [])],
        query=data.sql("by_run" if views else "coverage"),
        first_view=views[0].title if views else "",
        views=views[1:],
    )


def _rows(data: ReportData) -> list[tuple[str, ...]]:
    asked = {row.run_id: row for row in data.runs}
    rows: list[tuple[str, ...]] = []
    for row in data.coverage:
        run = asked.get(row.run_id)
        rows.append(
            (
                row.run_id,
                run.created_utc if run else DASH,
                (run.policy or DASH) if run else DASH,
                run.suite if run else DASH,
                count(run.k) if run else DASH,
                count(row.problems),
                count(row.draws),
                percent(row.correct / row.judged if row.judged else None),
                percent(row.fast_1 / row.judged if row.judged else None),
                row.devices or DASH,
            )
        )
    return rows


def _compared(data: ReportData) -> Table:
    """Every strategy in every run, at the largest k that the run's problems all have."""
    runs = list(dict.fromkeys(row.run_id for row in data.by_run))
    rows: list[tuple[str, ...]] = []
    for run in runs:
        its = [row for row in data.by_run if row.run_id == run]
        most = max(row.problems for row in its)
        k = max(row.k for row in its if row.problems == most)
        at = {row.strategy: row for row in its if row.k == k}
        success = next(iter(at.values())).success
        cells = [percent(at[name].fast_1) if name in at else DASH for name in _STRATEGIES]
        rows.append((run, str(k), percent(success), *cells))
    columns = (
        Column("run"),
        Column("k", True),
        Column("pass@k", True),
        *(Column(f"fast_1, {name}", True) for name in _STRATEGIES),
    )
    return Table(columns, rows, "Each run at its deepest k")
