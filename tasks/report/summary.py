"""The report's answer in a terminal, and as Markdown for an artifact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.markup import escape
from rich.table import Table

from storage import Lake
from tasks.report.answer import Answer, answer
from tasks.report.data import ReportData, gather
from tasks.report.figures.style import ordered
from tasks.report.formats import percent, plural, span, times
from tasks.report.statistics import Statistics, statistics_of

MOST_COLUMNS = 3
"""Budgets shown beside each other; a terminal of 80 columns holds no more."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The strategies' table, ready-made."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def summary(lake: Lake, run_ids: Sequence[str]) -> Table:
    """fast_1@k of every strategy, and under it the answer in words.

    Raises storage's RunUnknownError.
    """
    data, words = _told(lake, run_ids)
    grid = _grid(data)
    table = Table(title=escape(grid.title), caption=escape(_caption(words)), caption_justify="left")
    for position, title in enumerate(grid.columns):
        table.add_column(title, justify="left" if position == 0 else "right", no_wrap=True)
    for row in grid.rows:
        table.add_row(*map(escape, row))
    return table


def summary_markdown(lake: Lake, run_ids: Sequence[str]) -> str:
    """The same as Markdown: the answer first, then the table. Raises storage's RunUnknownError."""
    data, words = _told(lake, run_ids)
    grid = _grid(data)
    lines = [f"**{_plain(words.lead)}**", ""]
    lines += [f"- *{_plain(point.question)}* {_plain(point.answer)}" for point in words.points]
    lines += [f"- {_plain(caveat)}" for caveat in words.caveats]
    if grid.rows:
        lines += ["", f"### {_plain(grid.title)}", ""]
        lines += [f"| {' | '.join(grid.columns)} |"]
        lines += [f"|{'|'.join(['---'] + ['---:'] * (len(grid.columns) - 1))}|"]
        lines += [f"| {' | '.join(map(_plain, row))} |" for row in grid.rows]
    return "\n".join(lines) + "\n"


def _told(lake: Lake, run_ids: Sequence[str]) -> tuple[ReportData, Answer]:
    lake.check_runs(run_ids)
    data = gather(lake, run_ids, statistics_of(lake, run_ids))
    return data, answer(data)


def _grid(data: ReportData) -> Grid:
    statistics = data.statistics
    deepest = statistics.deepest
    shown = _budgets(statistics)
    title = (
        f"{', '.join(data.run_ids)}: fast_1@k over {plural(statistics.problems, 'problem')}, "
        f"{plural(data.sum_of('draws'), 'draw')}"
    )
    columns = [
        "strategy",
        "applies",
        *(f"k={k}" for k in shown),
        f"95 % at {deepest}",
        "geomean",
    ]
    rows = []
    for name in ordered(list(statistics.strategies)):
        strategy = statistics.strategies[name]
        at, fast = strategy.fast_1.get(deepest), strategy.speedup_geomean.get(deepest)
        rows.append(
            [
                name,
                f"{strategy.applicable}/{statistics.problems}",
                *(percent(end.mean if (end := strategy.fast_1.get(k)) else None) for k in shown),
                span(at.low, at.high) if at else "",
                times(fast.mean if fast else None),
            ]
        )
    return Grid(title, columns, rows if shown else [])


def _budgets(statistics: Statistics) -> list[int]:
    """At most `MOST_COLUMNS` budgets, the first and the deepest among them."""
    ks = sorted({k for s in statistics.strategies.values() for k in s.fast_1})
    ks = [k for k in ks if k <= statistics.deepest]
    if len(ks) <= MOST_COLUMNS:
        return ks
    last = len(ks) - 1
    return [ks[round(i * last / (MOST_COLUMNS - 1))] for i in range(MOST_COLUMNS)]


def _caption(words: Answer) -> str:
    return "\n".join([words.lead, *words.caveats])


def _plain(text: str) -> str:
    """Signs that Markdown would take for its own stay what they are."""
    for sign in "\\`*_|<>[]":
        text = text.replace(sign, f"\\{sign}")
    return text
