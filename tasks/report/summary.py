"""The report's answer in a terminal, and as Markdown for an artifact."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Group
from rich.table import Table
from rich.text import Text

from tasks.report.answer import Point, answer
from tasks.report.data import ReportData
from tasks.report.figures.style import ordered
from tasks.report.formats import percent, plural, span, times
from tasks.report.statistics import Statistics

MOST_COLUMNS = 3
"""Budgets shown beside each other; a terminal of 80 columns holds no more."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The answer in words, and the strategies' table, ready-made."""

    lead: str
    points: tuple[Point, ...]
    caveats: tuple[str, ...]
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def summary(data: ReportData) -> Summary:
    """fast_1@k of every strategy, and the answer."""
    words, statistics = answer(data), data.statistics
    deepest = statistics.deepest
    shown = _budgets(statistics)
    title = (
        f"{', '.join(data.run_ids)}: fast_1@k over {plural(statistics.problems, 'problem')}, "
        f"{plural(data.sum_of('draws'), 'draw')}"
    )
    columns = ("strategy", "applies", *(f"k={k}" for k in shown), f"95 % at {deepest}", "geomean")
    rows = []
    for name in ordered(list(statistics.strategies)):
        strategy = statistics.strategies[name]
        at, fast = strategy.fast_1.get(deepest), strategy.speedup_geomean.get(deepest)
        means = (end.mean if (end := strategy.fast_1.get(k)) else None for k in shown)
        rows.append(
            (
                name,
                f"{strategy.applicable}/{statistics.problems}",
                *map(percent, means),
                span(at.low, at.high) if at else "",
                times(fast.mean if fast else None),
            )
        )
    return Summary(
        lead=words.lead,
        points=tuple(words.points),
        caveats=tuple(words.caveats),
        title=title,
        columns=columns,
        rows=tuple(rows) if shown else (),
    )


def as_table(told: Summary) -> Group:
    """For a terminal: the table, and under it the answer."""
    table = Table(title=Text(told.title), title_justify="left")
    for position, title in enumerate(told.columns):
        table.add_column(Text(title), justify="left" if position == 0 else "right", no_wrap=True)
    for row in told.rows:
        table.add_row(*map(Text, row))
    shown = [table] if told.rows else []
    return Group(*shown, *map(Text, [told.lead, *told.caveats]))


def as_markdown(told: Summary) -> str:
    """The answer first, then the table."""
    lines = [f"**{_plain(told.lead)}**", ""]
    lines += [f"- *{_plain(point.question)}* {_plain(point.answer)}" for point in told.points]
    lines += [f"- {_plain(caveat)}" for caveat in told.caveats]
    if told.rows:
        lines += ["", f"### {_plain(told.title)}", ""]
        lines += [f"| {' | '.join(told.columns)} |"]
        lines += [f"|{'|'.join(['---'] + ['---:'] * (len(told.columns) - 1))}|"]
        lines += [f"| {' | '.join(map(_plain, row))} |" for row in told.rows]
    return "\n".join(lines) + "\n"


def _budgets(statistics: Statistics) -> list[int]:
    """At most `MOST_COLUMNS` budgets, the first and the deepest among them."""
    ks = sorted({k for s in statistics.strategies.values() for k in s.fast_1})
    ks = [k for k in ks if k <= statistics.deepest]
    if len(ks) <= MOST_COLUMNS:
        return ks
    last = len(ks) - 1
    return [ks[round(i * last / (MOST_COLUMNS - 1))] for i in range(MOST_COLUMNS)]


def _plain(text: str) -> str:
    """Signs that Markdown would take for its own stay what they are."""
    for sign in "\\`*_|<>[]":
        text = text.replace(sign, f"\\{sign}")
    return text
