"""How many problems have a kernel that is faster by a given factor."""

from __future__ import annotations

from tasks.report.data import ReportData
from tasks.report.exhibits.exhibit import Column, Exhibit, Table
from tasks.report.figures import fast_p as figure_of
from tasks.report.figures.fast_p import asked
from tasks.report.formats import percent


def fast_p(data: ReportData) -> Exhibit:
    """fast_p@k over p at the first, a middle and the deepest k."""
    deepest = data.statistics.deepest
    known = sorted({row.k for row in data.fast_p if row.k <= deepest})
    ks = sorted({known[0], known[len(known) // 2], known[-1]}) if known else []
    value = {(row.p, row.k): row.fast_p for row in data.fast_p}
    table = Table(
        (Column("asked for"), *(Column(f"k = {k}", True) for k in ks)),
        [
            [asked(p), *(percent(value.get((p, k))) for k in ks)]
            for p in sorted({row.p for row in data.fast_p})
        ],
    )
    return Exhibit(
        name="fast-p",
        title="How much faster?",
        notes=[
            "fast_p@k: the chance that one of k draws is correct and more than p times as fast as "
            "the reference, averaged over problems. By the point of the speedup; fast_1 elsewhere "
            "asks that the whole interval lies above 1, and is a little lower.",
        ],
        figure=figure_of(data.fast_p, ks),
        describes="Lines: share of problems with a draw faster by more than p, against p.",
        tables=[table] if ks else [],
        query=data.sql("fast_p"),
        empty="No verdicts yet.",
    )
