"""How far more samples carry."""

from __future__ import annotations

from tasks.report import paper
from tasks.report.data import ReportData
from tasks.report.exhibits.exhibit import Column, Exhibit, Table
from tasks.report.figures import scaling as figure_of
from tasks.report.formats import DASH, percent, span, times


def scaling(data: ReportData) -> Exhibit:
    curves = {
        "pass@k": data.statistics.pass_at_k,
        "fast_1@k": data.statistics.fast_1_at_k,
    }
    oracle = data.statistics.strategies.get("oracle")
    best = (oracle.speedup_geomean, oracle.speedup_mean) if oracle else ({}, {})
    published = paper.comparable(problem.key for problem in data.problems)
    ks = sorted({k for curve in curves.values() for k in curve})
    rows = []
    for k in ks:
        cells = [str(k)]
        for curve in curves.values():
            end = curve.get(k)
            cells += [
                percent(end.mean if end else None),
                (span(end.low, end.high) if end else "") or DASH,
            ]
        cells += [times(end.mean if (end := curve.get(k)) else None) for curve in best]
        rows.append(cells)
    table = Table(
        (Column("k", True), Column("pass@k", True), Column("95 % interval", True),
         Column("fast_1@k", True), Column("95 % interval", True),
         Column("best of k, geometric mean", True), Column("best@k, misses 0", True)),
        rows,
    )  # fmt: skip
    return Exhibit(
        name="scaling",
        title="What more samples bring",
        notes=[
            "pass@k: the chance that at least one of k draws is correct. fast_1@k: that at least "
            "one is correct and faster than the reference. Both averaged over problems. Best of k "
            "is the expected speedup of the fastest: its geometric mean over the problems with a "
            "correct draw, and its plain mean with nothing correct counting 0.",
            *([paper.CAVEAT] if published else []),
        ],
        figure=figure_of(curves, paper.CURVES if published else None),
        describes="Lines with 95 % bands: pass@k and fast_1@k against the number of samples k.",
        tables=[table] if rows else [],
        query=data.sql("scaling"),
        empty="No verdicts yet, so no curve.",
    )
