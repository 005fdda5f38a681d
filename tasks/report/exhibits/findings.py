"""What the judge noticed, and which results deserve doubt."""

from __future__ import annotations

from tasks.report.data import ReportData
from tasks.report.exhibits.exhibit import Column, Exhibit, Table
from tasks.report.formats import count, plural


def findings(data: ReportData) -> Exhibit:
    rejected = sum(row.draws for row in data.suspicious if row.status == "rejected")
    impossible = sum(1 for row in data.suspicious if row.reason.startswith("faster than"))
    noticed = Table(
        (Column("rule"), Column("severity"), Column("draws", True), Column("still correct", True),
         Column("sources", True), Column("problems", True), Column("for example")),
        [
            (row.rule, row.severity, count(row.draws), count(row.correct_draws),
             count(row.sources), count(row.problems), row.example or "")
            for row in data.findings
        ],
    )  # fmt: skip
    if data.findings or data.suspicious:
        found = (
            f"{plural(rejected, 'draw')} rejected for cheating; "
            f"{plural(impossible, 'source')} timed below the physical bound."
        )
    else:
        found = "The judge noticed nothing: no finding, no rejection, nothing below the bound."
    return Exhibit(
        name="findings",
        title="Findings and suspicious results",
        notes=[
            found,
            "Static findings only inform; a conviction comes from what the candidate did at run "
            "time. Rejected candidates count as incorrect everywhere in this report.",
        ],
        figure=None,
        describes="",
        tables=[noticed] if data.findings else [],
        query=data.sql("findings"),
    )
