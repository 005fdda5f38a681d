"""How far more samples carry."""

from __future__ import annotations

from tasks.report.data import ReportData
from tasks.report.exhibits.exhibit import Column, Exhibit, Table
from tasks.report.figures import scaling as figure_of
from tasks.report.formats import DASH, percent, span


def scaling(data: ReportData) -> Exhibit:
    curves = {
        "pass@k": data.statistics.pass_at_k,
        "fast_1@k": data.statistics.fast_1_at_k,
    }
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
        rows.append(cells)
    table = Table(
        (Column("k", True), Column("pass@k", True), Column("95 % interval", True),
         Column("fast_1@k", True), Column("95 % interval", True)),
        rows,
    )  # fmt: skip
    return Exhibit(
        name="scaling",
        title="What more samples bring",
        notes=[
            "pass@k: the chance that at least one of k draws is correct. fast_1@k: that at least "
            "one is correct and faster than the reference. Both averaged over problems.",
        ],
        figure=figure_of(curves),
        describes="Lines with 95 % bands: pass@k and fast_1@k against the number of samples k.",
        tables=[table] if rows else [],
        query=data.sql("scaling"),
        empty="No verdicts yet, so no curve.",
    )
