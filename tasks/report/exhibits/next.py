"""Where the next second is best spent."""

from __future__ import annotations

from tasks.report.data import ReportData
from tasks.report.exhibits.exhibit import Column, Exhibit, Link, Table
from tasks.report.formats import DASH, count, percent, seconds, times
from tasks.report.rows import NextRow, ProblemKey

_COLUMNS = (
    Column("problem"),
    Column("draws", True),
    Column("faster", True),
    Column("best so far", True),
    Column("a draw adds", True),
    Column("seconds a draw", True),
    Column("adds per second", True),
    Column("faster at most", True),
)
MOST_ROWS = 15


def next_second(data: ReportData) -> Exhibit:
    """The problems in which one more draw has the most to give for its time."""
    titles = {problem.key: problem.title for problem in data.problems}
    rows = [_row(row, titles[row.key]) for row in data.next[:MOST_ROWS]]
    lead = next((row for row in data.next if row.gain > 0), None)
    unsolved = sum(1 for problem in data.problems if problem.judged and not problem.fast_1)
    return Exhibit(
        name="next",
        title="Where the next second is best spent",
        notes=[
            "What one more draw adds, estimated by leaving each draw out in turn: how much slower "
            "the problem's best kernel would be without it, on average. A problem whose best two "
            "draws are alike has little left to find; one that hangs on a single lucky draw has "
            "more. Where nothing is surely faster yet, nothing can be left out: there the last "
            "column bounds the share of faster draws (95 % confidence).",
        ],
        figure=None,
        describes="",
        tables=[Table(_COLUMNS, rows)] if rows else [],
        query=data.sql("next"),
        empty="" if rows else "No verdicts yet.",
        after=_words(data, titles, lead, unsolved),
    )


def _words(
    data: ReportData, titles: dict[ProblemKey, str], lead: NextRow | None, unsolved: int
) -> list[str]:
    words = []
    if lead is not None:
        words.append(
            f"Next: {titles[lead.key]}, where a further draw is worth "
            f"{percent(lead.gain)} of speed on average."
        )
    if unsolved:
        words.append(
            f"{unsolved} of {len(data.problems)} problems have no draw that is surely faster."
        )
    return words


def _row(row: NextRow, title: str) -> tuple[str | Link, ...]:
    return (
        Link(title, row.key.anchor),
        count(row.draws),
        count(row.fast_1),
        times(row.best),
        percent(row.gain),
        seconds(row.seconds),
        percent(row.gain_per_second),
        DASH if row.at_most is None else percent(row.at_most),
    )
