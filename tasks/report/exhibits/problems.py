"""One line a problem, and whether log-probabilities can tell its candidates apart."""

from __future__ import annotations

from tasks.report.data import NAMED, ReportData
from tasks.report.exhibits.exhibit import Column, Exhibit, Link, Table
from tasks.report.figures import spread
from tasks.report.figures.style import leading
from tasks.report.formats import DASH, count, number, percent, span, times
from tasks.report.rows import ProblemRow

_COLUMNS = (
    Column("problem"),
    Column("draws", True),
    Column("correct", True),
    Column("faster", True),
    Column("sources", True),
    Column("correct sources", True),
    Column("best speedup", True),
    Column("95 % interval", True),
    Column("spread", True),
    Column("can be ranked"),
)


_REFUSED = (Column("problem"), Column("draws", True), Column("reason"))


def problems(data: ReportData) -> Exhibit:
    least = data.statistics.least_spread
    rows = [_row(problem) for problem in data.shown]
    tables = [Table(_COLUMNS, rows, "Follow a problem to the candidates behind its line.")]
    refused = [(Link(one.title, one.key.anchor), count(one.draws), one.reason)
               for one in data.refusals[:NAMED]]  # fmt: skip
    if refused:
        caption = "Refused by the judge, whatever the candidate"
        if len(data.refusals) > NAMED:
            caption += f": {NAMED} of {count(len(data.refusals))}"
        tables.append(Table(_REFUSED, refused, caption))
    return Exhibit(
        name="problems",
        title="Problem by problem",
        notes=[
            "Spread is the standard deviation of the mean token log-probability among a problem's "
            "judged draws, in nats per token. Draws can be ranked by it wherever it is not 0; what "
            f"a rank is worth is what it predicts, in the tests above. Dotted: {least:g}, a "
            "published threshold.",
            "Sources counts distinct programs: equal programs are judged once and stay separate "
            "draws.",
            *data.sampled,
        ],
        figure=leading(spread(data.shown, least), data.targets),
        describes="Bars: spread of the log-probability within each problem; dotted: a "
        "published threshold.",
        tables=tables,
        query=data.sql("problems"),
        empty="No judged draw with a log-probability: selection by surprisal does not apply.",
    )


def _row(problem: ProblemRow) -> tuple[str | Link, ...]:
    judged = problem.judged or None
    return (
        Link(problem.title, problem.key.anchor),
        count(problem.draws),
        percent(problem.correct / judged if judged else None),
        percent(problem.fast_1 / judged if judged else None),
        count(problem.sources),
        count(problem.correct_sources),
        times(problem.speedup),
        span(problem.speedup_low, problem.speedup_high, "times") or DASH,
        number(problem.spread),
        DASH if problem.spread is None else "yes" if problem.spread > 0 else "no",
    )
