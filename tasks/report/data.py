"""Everything that the page tells, gathered from the lake in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeVar

from tasks.errors import RequestError
from tasks.report import rows
from tasks.report.query import Query, query
from tasks.report.statistics import Statistics, statistics_of
from tasks.strategies.compute import strategies_document
from tasks.strategies.document import StrategiesDocument

if TYPE_CHECKING:
    import duckdb
    from _typeshed import DataclassInstance

    from storage import Lake

    Row = TypeVar("Row", bound=DataclassInstance)


_HELD_DRAWS = 200_000


@dataclass(frozen=True, slots=True)
class ReportData:
    """The rows behind every exhibit, the statistics over them, and the SQL that made each."""

    run_ids: tuple[str, ...]
    lake: str
    """Where it lies."""
    runs: tuple[rows.RunRow, ...]
    coverage: tuple[rows.CoverageRow, ...]
    problems: tuple[rows.ProblemRow, ...]
    refusals: tuple[rows.RefusalRow, ...]
    statuses: tuple[rows.StatusRow, ...]
    surprisals: tuple[rows.SurprisalRow, ...]
    quartiles: tuple[rows.QuartileRow, ...]
    costs: tuple[rows.CostRow, ...]
    findings: tuple[rows.FindingRow, ...]
    failures: tuple[rows.FailureRow, ...]
    claims: tuple[rows.ClaimRow, ...]
    suspicious: tuple[rows.SuspiciousRow, ...]
    picks: tuple[rows.PickRow, ...]
    references: tuple[rows.ReferenceRow, ...]
    fast_p: tuple[rows.FastPRow, ...]
    by_run: tuple[rows.ByRunRow, ...]
    next: tuple[rows.NextRow, ...]
    draws: tuple[rows.DrawRow, ...]
    document: StrategiesDocument
    statistics: Statistics
    """The document as the page reads it."""

    def sql(self, name: str) -> Query:
        """The query of that name as it was run for this report."""
        return query(name, self.run_ids)

    @property
    def targets(self) -> dict[str, str]:
        """Where a click on a problem's mark leads: label → anchor."""
        return {problem.label: problem.key.anchor for problem in self.problems}

    @property
    def refused_draws(self) -> int:
        """Draws without a verdict, since the judge refused their problems."""
        return sum(refusal.draws for refusal in self.refusals)

    def sum_of(self, column: str) -> int:
        """A column of the coverage, over all runs."""
        return sum(int(getattr(row, column)) for row in self.coverage)


def _hold_results(connection: duckdb.DuckDBPyConnection) -> None:
    """Have `results` computed once for all queries, unless there are so many that memory minds."""
    ((draws,),) = connection.execute("SELECT count(*) FROM candidates").fetchall()
    if draws <= _HELD_DRAWS:
        connection.execute("CREATE TABLE held_results AS SELECT * FROM results")
        connection.execute("CREATE OR REPLACE VIEW results AS SELECT * FROM held_results")


def gather(lake: Lake, run_ids: Sequence[str]) -> ReportData:
    """Compute the statistics and run every query of the report, each run counted once.

    Raises RequestError for no run, storage's RunUnknownError and QueryError.
    """
    if not run_ids:
        raise RequestError("a report needs at least one run; `bon runs` lists them")
    run_ids = tuple(dict.fromkeys(run_ids))
    lake.check_runs(run_ids)
    document = strategies_document(lake, run_ids)
    with lake.connect(run_ids) as connection:
        _hold_results(connection)

        def fetch(name: str, kind: type[Row]) -> tuple[Row, ...]:
            wanted = [field.name for field in fields(kind)]
            found = connection.sql(query(name, run_ids).text).to_arrow_table().select(wanted)
            return tuple(kind(**row) for row in found.to_pylist())

        return ReportData(
            run_ids=run_ids,
            lake=str(lake.root),
            runs=fetch("runs", rows.RunRow),
            coverage=fetch("coverage", rows.CoverageRow),
            problems=fetch("problems", rows.ProblemRow),
            refusals=fetch("refusals", rows.RefusalRow),
            statuses=fetch("status", rows.StatusRow),
            surprisals=fetch("surprisal", rows.SurprisalRow),
            quartiles=fetch("quartiles", rows.QuartileRow),
            costs=fetch("cost", rows.CostRow),
            findings=fetch("findings", rows.FindingRow),
            failures=fetch("failures", rows.FailureRow),
            claims=fetch("claims", rows.ClaimRow),
            suspicious=fetch("suspicious", rows.SuspiciousRow),
            picks=fetch("picks", rows.PickRow),
            references=fetch("references", rows.ReferenceRow),
            fast_p=fetch("fast_p", rows.FastPRow),
            by_run=fetch("by_run", rows.ByRunRow) if len(run_ids) > 1 else (),
            next=fetch("next", rows.NextRow),
            draws=fetch("draws", rows.DrawRow),
            document=document,
            statistics=statistics_of(document),
        )
