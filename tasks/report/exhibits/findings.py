"""What the judge noticed, and which results deserve doubt."""

from __future__ import annotations

from tasks.report.data import ReportData
from tasks.report.exhibits.exhibit import Column, Exhibit, Link, Table
from tasks.report.formats import DASH, count, milliseconds, percent, plural, times


def findings(data: ReportData) -> Exhibit:
    rejected = sum(row.draws for row in data.suspicious if row.status == "rejected")
    impossible = sum(1 for row in data.suspicious if row.reason.startswith("faster than"))
    titles = {problem.key: problem.title for problem in data.problems}
    noticed = Table(
        (Column("rule"), Column("severity"), Column("draws", True), Column("still correct", True),
         Column("sources", True), Column("problems", True), Column("for example")),
        [
            (row.rule, row.severity, count(row.draws), count(row.correct_draws),
             count(row.sources), count(row.problems), row.example or "")
            for row in data.findings
        ],
    )  # fmt: skip
    doubted = Table(
        (Column("why"), Column("problem"), Column("run"), Column("draws", True),
         Column("speedup", True), Column("time", True), Column("bound", True), Column("remark")),
        [
            (row.reason, Link(titles[row.key], row.card(row.run_id, row.sample_index)), row.run_id,
             count(row.draws), times(row.speedup), milliseconds(row.runtime_ms),
             milliseconds(row.bound_ms), row.remark or "")
            for row in data.suspicious
        ],
        "Suspicious results, the worst first. A problem leads to the code, beside the reference.",
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
            *_chosen(data),
            *_kept(data),
        ],
        figure=None,
        describes="",
        tables=[
            *([noticed] if data.findings else []),
            *([doubted] if data.suspicious else []),
            *([_claimed(data)] if data.claims else []),
        ],
        query=data.sql("suspicious" if data.suspicious else "findings"),
    )


def _kept(data: ReportData) -> list[str]:
    if not data.claims:
        return []
    all_of = data.claims[0]
    return [
        f"Whoever made these kernels claimed something of {plural(all_of.made, 'draw')}: "
        f"{count(all_of.kept)} of {count(all_of.told)} judged claims are upheld. One is where the "
        "draw is as correct as was claimed, and its claimed speedup at most a tenth above the "
        "judged interval."
    ]


def _claimed(data: ReportData) -> Table:
    titles = {problem.key: problem.title for problem in data.problems}
    words = {True: "yes", False: "no", None: DASH}
    return Table(
        (Column("problem"), Column("run"), Column("sample", True), Column("claimed correct"),
         Column("judged"), Column("claimed speedup", True), Column("judged speedup", True),
         Column("interval", True), Column("upheld")),
        [
            (titles[row.key], row.run_id, count(row.sample_index), words[row.claimed_correct],
             (row.status or "not yet").replace("_", " "), times(row.claimed_speedup),
             times(row.speedup), _interval(row.speedup_low, row.speedup_high), words[row.upheld])
            for row in data.claims
        ],
        "Claimed and judged, what does not hold first.",
    )  # fmt: skip


def _interval(low: float | None, high: float | None) -> str:
    return DASH if low is None or high is None else f"{times(low)} to {times(high)}"


def _chosen(data: ReportData) -> list[str]:
    """Do strategies choose what the judge warns of?"""
    known, k = data.statistics.strategies, data.statistics.deepest
    shares = {name: one.flagged[k] for name, one in known.items() if k in one.flagged}
    if not shares or max(shares.values()) == 0:
        return []
    most = max(shares, key=lambda name: shares[name])
    control, than = shares.get("random"), ""
    if control is not None and most != "random":
        than = f", against {percent(control)} for a random choice"
    return [
        f"Correct picks with a warning at k = {k}: most often those of {most}, on "
        f"{percent(shares[most])} of problems{than}."
    ]
