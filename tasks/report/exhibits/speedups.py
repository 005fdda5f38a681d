"""The best correct candidate of each problem, and how far physics would let it go."""

from __future__ import annotations

from tasks.report.data import ReportData
from tasks.report.exhibits.exhibit import Column, Exhibit, Link, Table
from tasks.report.figures import speedups as figure_of
from tasks.report.figures.style import leading
from tasks.report.formats import DASH, milliseconds, percent, span, times
from tasks.report.rows import ProblemRow

_COLUMNS = (
    Column("problem"),
    Column("best speedup", True),
    Column("95 % interval", True),
    Column("candidate", True),
    Column("reference", True),
    Column("physical bound", True),
    Column("share of bound", True),
)


def speedups(data: ReportData) -> Exhibit:
    best = [problem for problem in data.shown if problem.speedup is not None]
    best.sort(key=lambda problem: -(problem.speedup or 0.0))
    notes = [
        "A speedup is the reference's median time over the candidate's, with the interval that the "
        "judge measured. The best of many draws is picked for being high, so its true speedup is "
        "more likely below the dot than above it."
    ]
    if any(problem.bound_ms is not None for problem in best):
        notes.append(
            "The physical bound is the least time in which the inputs can be read and the outputs "
            "written at the measured memory bandwidth; a candidate below it would be a measuring "
            "error or a cheat, and is listed under findings."
        )
    notes += data.sampled
    return Exhibit(
        name="speedups",
        title="Speedups and the physical bound",
        notes=notes,
        figure=leading(figure_of(data.shown), data.targets),
        describes="Points with intervals: best speedup of each problem on a log axis; diamonds: "
        "the speedup at which memory bandwidth is exhausted.",
        tables=[Table(_COLUMNS, [_row(problem) for problem in best])] if best else [],
        query=data.sql("problems"),
        empty="No correct candidate, so no speedup to show.",
    )


def _row(problem: ProblemRow) -> tuple[str | Link, ...]:
    return (
        Link(problem.title, problem.key.anchor),
        times(problem.speedup),
        span(problem.speedup_low, problem.speedup_high, "times") or DASH,
        milliseconds(problem.runtime_ms),
        milliseconds(problem.reference_ms),
        milliseconds(problem.bound_ms),
        percent(problem.share_of_bound),
    )
