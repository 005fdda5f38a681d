"""Is the surprising code the fast code?"""

from __future__ import annotations

from tasks.report import paper
from tasks.report.data import ReportData
from tasks.report.exhibits.exhibit import Column, Exhibit, Table
from tasks.report.figures import quartiles
from tasks.report.figures import surprisal as scatter
from tasks.report.figures.quartiles import NAMES
from tasks.report.figures.style import leading
from tasks.report.formats import count, number, percent, times

_COLUMNS = (
    Column("ranking"),
    Column("quarter"),
    Column("draws", True),
    Column("surprisal", True),
    Column("fast_1", True),
    Column("geometric mean", True),
    Column("median", True),
    Column("mean", True),
    Column("tokens", True),
)
_NO_LOGPROBS = "No correct draw with a log-probability, so nothing to set against speed."


def surprisal(data: ReportData) -> Exhibit:
    """Every correct draw: surprisal against speedup."""
    return Exhibit(
        name="surprisal",
        title="Surprisal against speedup",
        notes=[
            "Surprisal is minus the mean log-probability of a draw's tokens: high where the model "
            "wrote what it rarely writes. One dot is one correct draw (of many, a sample). "
            "Problems differ in both coordinates, so a cloud that leans may only tell easy "
            "problems from hard ones; the quarters within problems below do not have that flaw.",
        ],
        figure=leading(
            scatter(data.surprisals, {row.key: row.label for row in data.problems}),
            data.targets,
        ),
        describes="Scatter: surprisal of every correct draw against its speedup, log axis.",
        tables=[],
        query=data.sql("surprisal"),
        empty=_NO_LOGPROBS,
    )


def quarters(data: ReportData) -> Exhibit:
    """Correct draws in quarters by surprisal."""
    published = bool(data.quartiles) and paper.comparable(one.key for one in data.problems)
    table = Table(
        _COLUMNS,
        [
            (row.ranking, NAMES[row.quartile], number(row.draws, 1), number(row.surprisal),
             percent(row.fast_1), times(row.speedup_geomean), times(row.speedup_median),
             times(row.speedup_mean), number(row.n_tokens, 0))
            for row in data.quartiles
        ],
    )  # fmt: skip
    return Exhibit(
        name="quarters",
        title="Quarters by surprisal",
        notes=[
            "Correct draws, the most surprising quarter first: among all of them (pooled) and "
            "among those of their own problem. A draw on a border counts on both sides in part, so "
            "that every quarter holds a quarter of every problem. Draws of one problem are not "
            "independent; read differences of a few points as none.",
            *([paper.CAVEAT] if published else []),
        ],
        figure=quartiles(data.quartiles, paper.QUARTILES if published else None),
        describes="Bars: share of faster draws in each quarter by surprisal.",
        tables=[table, *_correlations(data)] if table.rows else [],
        query=data.sql("quartiles"),
        empty=_NO_LOGPROBS,
        after=[data.statistics.association.sentence]
        if table.rows and data.statistics.association
        else [],
    )


def _correlations(data: ReportData) -> list[Table]:
    """Rank correlations within problems."""
    found = data.statistics.association
    if found is None:
        return []
    named = {
        "surprisal and speed": found.surprisal_speedup,
        "surprisal and speed, at equal length": found.surprisal_speedup_given_length,
        "length and speed": found.length_speedup,
    }
    return [
        Table(
            (Column("within problems, pooled"), Column("Spearman's ρ", True), Column("p", True),
             Column("draws", True), Column("problems", True)),
            [
                (name, number(one.rho), number(one.p, 3), count(one.draws), count(one.problems))
                for name, one in named.items()
            ],
            "Draws of equal source share their time, so p is hopeful where sources repeat. At "
            "equal length: of what curves over the logarithm of length leave of both.",
        )
    ]  # fmt: skip
