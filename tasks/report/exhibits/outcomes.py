"""What became of the draws, and what the failures said."""

from __future__ import annotations

from tasks.report.data import ReportData
from tasks.report.exhibits.exhibit import Column, Exhibit, Table
from tasks.report.figures import status
from tasks.report.figures.style import leading
from tasks.report.formats import count, percent, plural


def outcomes(data: ReportData) -> Exhibit:
    draws, correct = data.sum_of("draws"), data.sum_of("correct")
    unjudged = draws - data.sum_of("judged") - data.refused_draws
    notes = [
        f"{count(correct)} of {plural(draws, 'draw')} ({percent(_share(correct, draws))}) are "
        "correct. A correct draw counts as faster only when the lower end of its speedup interval "
        "is above 1."
    ]
    if unjudged:
        notes.append(
            f"{plural(unjudged, 'draw')} without a verdict (not judged yet, or the harness itself "
            "failed): left out of every rate, never counted as failures."
        )
    if data.refusals:
        notes.append(
            f"{plural(data.refused_draws, 'draw')} of "
            f"{plural(len(data.refusals), 'problem')} that the judge refused: left out as well."
        )
    notes += data.sampled
    said = Table(
        (Column("outcome"), Column("error"), Column("draws", True),
         Column("sources", True), Column("problems", True)),
        [
            (row.status.replace("_", " "), row.error, count(row.draws), count(row.sources),
             count(row.problems))
            for row in data.failures
        ],
        "What the failures said",
    )  # fmt: skip
    return Exhibit(
        name="outcomes",
        title="What became of the draws",
        notes=notes,
        figure=leading(status(data.statuses, data.shown), data.targets),
        describes="Stacked bars: share of each problem's draws by outcome.",
        tables=[said] if said.rows else [],
        query=data.sql("status"),
        empty="No draws yet.",
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
