"""What a sweep came to: the flow's result and the command's JSON document."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from storage import Lake
from tasks.report import Report, Summary
from tasks.strategies.document import StrategiesDocument


class RefusedProblem(BaseModel):
    """A problem that the judge cannot judge, whatever the candidate."""

    model_config = ConfigDict(frozen=True)

    suite: str
    level: int
    problem_id: int
    reason: str
    draws: int


class Claims(BaseModel):
    """What the source of an import said of its kernels (view `claims`), in draws."""

    model_config = ConfigDict(frozen=True)

    made: int
    judged: int
    upheld: int


class SweepSummary(BaseModel):
    """One run in numbers. `complete` is False if something of ours failed: exit status 1."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    lake: str
    report: str
    problems: int
    candidates: int
    sources: int
    """Distinct modules: what was measured."""
    correct: int
    fast_1: int
    cut_short: int
    """Draws that reached the limit of tokens."""
    unfinished: int
    """Draws without a verdict, but for those of refused problems."""
    refused: list[RefusedProblem]
    statuses: dict[str, int]
    machines: list[str]
    """Models of the CPUs or GPUs that it was measured on; several are not comparable."""
    claims: Claims | None
    """None where nothing was claimed."""
    summary: Summary
    strategies: StrategiesDocument

    @property
    def complete(self) -> bool:
        return self.unfinished == 0


_COUNTS = """
    SELECT count(DISTINCT (suite, level, problem_id)) AS problems,
           count(*) AS candidates,
           count(DISTINCT (suite, level, problem_id, source_hash)) AS sources,
           count(*) FILTER (correct) AS correct,
           count(*) FILTER (fast_1) AS fast_1,
           count(*) FILTER (finish_reason = 'length') AS cut_short
    FROM results
"""

_MACHINES = """
    SELECT DISTINCT machine FROM evaluations_latest WHERE machine IS NOT NULL ORDER BY machine
"""


_CLAIMS = """
    SELECT count(*) AS made, count(upheld) AS judged, count(*) FILTER (upheld) AS upheld FROM claims
"""

_REFUSED = "SELECT * FROM refused_problems ORDER BY level, problem_id, suite"


def summarise(lake: Lake, run_id: str, report: Report, unjudged: int) -> SweepSummary:
    """Count the run's rows. unjudged: draws that were asked for and have no verdict."""
    counts = lake.sql(_COUNTS, [run_id]).to_pylist()[0]
    statuses = lake.sql(
        "SELECT coalesce(status, 'unfinished') AS status, count(*) AS n FROM results "
        "GROUP BY ALL ORDER BY n DESC",
        [run_id],
    ).to_pylist()
    refused = [RefusedProblem(**row) for row in lake.sql(_REFUSED, [run_id]).to_pylist()]
    claims = Claims(**lake.sql(_CLAIMS, [run_id]).to_pylist()[0])
    machines = lake.sql(_MACHINES, [run_id]).to_pylist()
    return SweepSummary(
        run_id=run_id,
        lake=str(lake.root),
        report=str(report.page),
        unfinished=unjudged - sum(one.draws for one in refused),
        refused=refused,
        statuses={row["status"]: row["n"] for row in statuses},
        machines=[row["machine"] for row in machines],
        claims=claims if claims.made else None,
        summary=report.summary,
        strategies=report.document,
        **counts,
    )
